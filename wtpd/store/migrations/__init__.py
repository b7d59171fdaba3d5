"""Brings a database to the newest schema: the files `NNN_name.sql` in order, each in one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

from wtpd.errors import Unavailable
from wtpd.texts import N_

APPLICATION_ID = 0x77747064
"""`wtpd` in ASCII, in the file's header, so that a stranger's database is never touched."""


def scripts() -> list[tuple[int, str]]:
    """The migrations as (version, SQL), oldest first."""
    files = [entry for entry in resources.files(__name__).iterdir() if entry.name.endswith(".sql")]
    return sorted((int(entry.name.split("_")[0]), entry.read_text(encoding="utf-8")) for entry in files)


def statements(script: str) -> Iterator[str]:
    """The SQL statements of a script; a trigger's body is one statement."""
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            yield pending
            pending = ""
    if pending.strip():
        yield pending


def check(con: sqlite3.Connection, path: Path, newest: int | None = None) -> int:
    """The version of the schema; reads only. Raises `Unavailable` for a database that isn't ours or is newer."""
    newest = scripts()[-1][0] if newest is None else newest
    version: int = con.execute("PRAGMA user_version").fetchone()[0]
    owner = con.execute("PRAGMA application_id").fetchone()[0]
    tables = con.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if owner != APPLICATION_ID and (tables or owner or version):
        raise Unavailable(
            N_("{path} is a database of another program; wtpd doesn't touch it.", path=path), kind="storage"
        )
    if version > newest:
        raise Unavailable(
            N_(
                "{path} was written by a newer wtpd (schema {found}, this one knows {known}). "
                "Install that version again, or restore a backup made before the upgrade.",
                path=path, found=version, known=newest,
            ),
            kind="storage",
        )  # fmt: skip
    return version


def migrate(con: sqlite3.Connection, path: Path, migrations: list[tuple[int, str]] | None = None) -> None:
    """Apply what is missing. A failure in the middle leaves the schema of the last whole migration."""
    migrations = scripts() if migrations is None else migrations
    version = check(con, path, migrations[-1][0])
    for number, script in migrations:
        if number > version:
            _apply(con, number, script)


def _apply(con: sqlite3.Connection, number: int, script: str) -> None:
    con.execute("BEGIN IMMEDIATE")
    try:
        for statement in statements(script):
            con.execute(statement)
        con.execute(f"PRAGMA application_id={APPLICATION_ID}")
        con.execute(f"PRAGMA user_version={number:d}")
        con.execute("COMMIT")
    except BaseException:
        if con.in_transaction:
            con.execute("ROLLBACK")
        raise
