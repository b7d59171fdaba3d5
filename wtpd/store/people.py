"""Assessors and users in the database: people for whom credentials are kept (spec: credentials.md)."""

from __future__ import annotations

from dataclasses import dataclass
from sqlite3 import Row
from typing import Literal

from wtpd.errors import NotFound
from wtpd.store.database import Tx
from wtpd.texts import N_, Text

Kind = Literal["assessor", "user"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """`id` is an assessor's short sign, or a user's login. Credentials of one who isn't active serve no order."""

    id: str
    name: str
    active: bool = True
    version: int = 1


def find(tx: Tx, kind: Kind, person_id: str) -> Person | None:
    row = tx.one("SELECT * FROM person WHERE kind = ? AND id = ?", (kind, person_id))
    return None if row is None else _person(row)


def get(tx: Tx, kind: Kind, person_id: str) -> Person:
    """Raises `NotFound`."""
    found = find(tx, kind, person_id)
    if found is None:
        raise NotFound(unknown(kind, person_id), facts={"id": person_id})
    return found


def unknown(kind: Kind, person_id: str) -> Text:
    if kind == "assessor":
        return N_("There is no assessor {id}.", id=person_id)
    return N_("There is no user {id}.", id=person_id)


def people(tx: Tx, kind: Kind) -> list[Person]:
    """Active ones and others, by id."""
    return [_person(row) for row in tx.all("SELECT * FROM person WHERE kind = ? ORDER BY id", (kind,))]


def put(tx: Tx, kind: Kind, person: Person) -> None:
    """Insert or replace."""
    tx.run(
        """INSERT INTO person (kind, id, name, active, version) VALUES (?, ?, ?, ?, ?)
           ON CONFLICT (kind, id) DO UPDATE SET name = excluded.name, active = excluded.active,
             version = excluded.version""",
        (kind, person.id, person.name, int(person.active), person.version),
    )


def inactive(tx: Tx) -> frozenset[str]:
    """The scopes (`assessor:meier`) of those who aren't active."""
    return frozenset(f"{row['kind']}:{row['id']}" for row in tx.all("SELECT kind, id FROM person WHERE NOT active"))


def _person(row: Row) -> Person:
    return Person(id=row["id"], name=row["name"], active=bool(row["active"]), version=row["version"])
