"""The first hour of docs/operating.md, with a real daemon, a real sandbox and a real mail server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from importlib.resources import files
from pathlib import Path

import pytest

from tests.support.terminal import Said, Terminal, flat
from wtpd.demo.house import House
from wtpd.demo.settings import SITES

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]

LISTS = files("wtpd.demo") / "autohaus"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    opened = House(tmp_path / "house", language="en")
    try:
        await opened.open()
        for number in SITES.values():
            await opened.partner.act("dealer", dealer=number, name=f"Autohaus {number}", brand="NISSAN")
        await opened.partner.act("client", client_id="demo", client_secret="s3cret", dealers="*")
        yield opened
    finally:
        await opened.close()


async def test_the_first_hour(
    house: House, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal(capsys, monkeypatch, str(house.socket))

    async def wtpd(*arguments: str, stdin: str = "", code: int = 0) -> Said:
        said = await asyncio.to_thread(terminal.wtpd, *arguments, stdin=stdin)
        assert said.code == code, (arguments, said)
        return said

    await wtpd("config", "check", str(house.config))
    assert "needs token" in (await wtpd("status", code=1)).out

    entered = "client_id=demo\nclient_secret=wrong\n"
    assert "Nothing was stored" in (await wtpd("credential", "set", "superservice", stdin=entered, code=1)).err
    await wtpd("credential", "test", "superservice", "--enter", stdin=entered, code=1)
    stored = await wtpd("credential", "set", "superservice", stdin=entered.replace("wrong", "s3cret"))
    assert "Autohaus 00123" in stored.out
    assert "Autohaus 00123" in (await wtpd("credential", "test", "superservice", "--scope", "general")).out
    assert "s3cret" not in (await wtpd("credential", "--json")).out

    names = ("termine.csv", "fahrzeuge.csv", "kunden.csv", "ersatzwagen.csv", "serviceberater.csv")
    imported = await wtpd("import", *(str(LISTS / name) for name in names))
    assert "Appointments: 1500 new" in imported.out
    again = await wtpd("import", str(LISTS / "kunden.csv"), "--json")
    assert again.json["created"] == again.json["changed"] == 0

    synced = await wtpd("sync", "superservice", "--json")
    assert {run["channel"] for run in synced.json} == {"superservice/rostock", "superservice/guestrow"}
    await wtpd("sync", "superservice")
    assert "nothing to do" in (await wtpd("sync", "superservice", "--dry-run")).out
    verified = await wtpd("verify", "superservice", "--compare")
    assert "0 differences" in verified.out
    status = await wtpd("status", "superservice")
    assert "superservice/rostock" in status.out

    day = await wtpd("appointments", "9.12.2026", "--site", "rostock", "--json")
    first = day.json[0]["items"][0]
    shown = await wtpd("show", first["id"], "--lang", "nl")
    assert first["vehicle"]["plate"] in shown.out
    assert (await wtpd("appointments", "--search", first["vehicle"]["plate"])).out.count(first["vehicle"]["plate"]) >= 1

    attention = await wtpd("attention", "--json", code=1 if await house.api.attention.list(state="open") else 0)
    for entry in attention.json[:1]:
        await wtpd("attention", "resolve", str(entry["id"]), "done")

    listed = await wtpd("mapping")
    assert "00123" in listed.out
    change = ("mapping", "set", "rostock", "superservice", "--department", "Karosserie", "--dealer-number", "00123")
    assert "appointments to come are cancelled at the partner" in (await wtpd(*change, code=1)).out
    assert "Werkstatt" in flat((await wtpd("mapping")).out)

    await wtpd("pause", "superservice", "--site", "rostock")
    assert "paused" in (await wtpd("status", code=1)).out
    await wtpd("resume", "superservice", "--site", "rostock")

    settings = await wtpd("config", "show")
    assert "sites.rostock.partners.superservice.dealer_number" in settings.out
    assert (await wtpd("config", "history", "--json")).json
    await wtpd("config", "diff")
    assert "Sent to" in (await wtpd("mail", "test", "me@example.org")).out
    assert len(house.mails.mails()) >= 1
    await wtpd("credential", "rotate-key")
    await wtpd("credential", "test", "superservice")
    await wtpd("credential", "remove", "superservice", "--yes")

    await house.daemon.stop()
    assert "systemctl start wtpd" in (await wtpd("status", code=3)).err
