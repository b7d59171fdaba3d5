"""Whatever stands in the book, no command sends it to the terminal as it is."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.api.test_appointments import booking
from tests.support.api_stub import ApiStub, problem
from tests.support.daemon import OFFLINE, config_text, running_daemon
from tests.support.terminal import Said, Terminal

MARK = "ZZMARKZZ"
IN_JSON = "x\x9b31m\x9d52;c;x\x9c\u202eX\u2028Status:\u200b\u2066"
RAW = IN_JSON + "\x1b[2J\r\nBcc: y\t\x07"


def poison(database: Path) -> int:
    """Put the nasty text where the mark stands, in every table. Answers how many values it changed."""
    changed = 0
    with closing(sqlite3.connect(database, timeout=30)) as db, db:
        tables = [
            name
            for name, text in db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'")
            if "WITHOUT ROWID" not in text.upper()
        ]
        for table in tables:
            if "search" in table or table.startswith("sqlite_") or "fts" in table:
                continue
            for _, column, *_ in db.execute(f'PRAGMA table_info("{table}")').fetchall():
                found = db.execute(
                    f'SELECT rowid, "{column}" FROM "{table}" WHERE typeof("{column}") = \'text\' '
                    f'AND instr("{column}", ?)', (MARK,),
                ).fetchall()  # fmt: skip
                for rowid, value in found:
                    nasty = IN_JSON if value[:1] in "{[" else RAW
                    try:
                        db.execute(
                            f'UPDATE "{table}" SET "{column}" = ? WHERE rowid = ?', (value.replace(MARK, nasty), rowid)
                        )
                        changed += 1
                    except sqlite3.IntegrityError:  # a rule of the table refuses it
                        continue
    return changed


def is_harmless(said: Said) -> bool:
    return all(char.isprintable() or char == "\n" for char in said.out + said.err)


async def test_no_command_shows_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_daemon(tmp_path, config_text(sites={"rostock": None}, more=OFFLINE)) as daemon:
        terminal = Terminal(capsys, monkeypatch, str(daemon.http.path))
        post = daemon.http.post
        customer = (await post("/v1/customers", {"first_name": MARK, "last_name": MARK})).json["id"]
        vehicle = (await post("/v1/vehicles", {"plate": "HRO-AB 1", "make": MARK, "owner": customer})).json["id"]
        booked = booking(notes=MARK, interventions=[{"title": MARK, "labour_units": 4}])
        made = await post("/v1/appointments", {**booked, "customer_id": customer, "vehicle_id": vehicle})
        assert made.status == 201, made.json
        assert poison(daemon.folder / "data" / "wtpd.db") >= 4
        id_ = made.json["id"]
        for arguments in (
            ["appointments", "15.3.2027", "--site", "rostock"], ["appointments", "--search", "HRO-AB 1"], ["show", id_],
            ["trace", id_], ["trace", "HRO-AB 1"], ["status"], ["attention"], ["log"], ["config", "show"], ["mapping"],
            ["mail", "list"], ["undo", id_, "1"],
        ):  # fmt: skip
            for more in ([], ["--json"]):
                said = await asyncio.to_thread(terminal.wtpd, *arguments, *more)
                assert is_harmless(said), (arguments, more, said)
                assert said.code in (0, 1), (arguments, said)
                assert "Bcc: y" not in [line.strip() for line in said.out.splitlines()]
        shown = await asyncio.to_thread(terminal.wtpd, "show", id_, "--json")
        assert "\x9b31m" in json.dumps(shown.json, ensure_ascii=False), "programs get it unchanged"


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_a_refusal_in_the_partners_words_is_harmless(terminal: Terminal, api: ApiStub, more: list[str]) -> None:
    errors = [{"field": RAW, "detail": RAW}]
    api.on("POST", "/v1/connectors/superservice/pause", problem(422, "invalid", RAW, errors=errors))
    said = terminal.wtpd("pause", "superservice", *more)
    assert is_harmless(said)
    assert len((said.err or said.out).rstrip("\n").splitlines()) == (1 if more else 2)


def test_a_wrong_argument_is_harmless(terminal: Terminal) -> None:
    assert is_harmless(terminal.wtpd(RAW))
    assert is_harmless(terminal.wtpd("status", f"--{RAW}"))
