"""A site in the Netherlands: a list without a country column, and the partner's booking for somebody in it."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from tests.support.daemon import config_text, running_daemon
from tests.support.sandbox import running_sandbox

LIST = """\
Kundennummer;Vorname;Nachname;Telefon;Mobil
5001;Sanne;Testhuis;030 9870385;06 12345678
5002;Piet;Zandkasteel;;06 42345678 (Piet)
"""


async def test_the_partners_booking_finds_the_customer_of_the_list(tmp_path: Path) -> None:
    async with running_sandbox(tmp_path / "sandbox") as sandbox:
        text = config_text(partner=sandbox.partner("superservice"))
        text = text.replace("    region: MV\n", "    country: NL\n    time_zone: Europe/Amsterdam\n")
        async with running_daemon(tmp_path, text) as daemon:
            http = daemon.http
            file = {"name": "kunden.csv", "content": base64.b64encode(LIST.encode()).decode()}
            assert (await http.post("/v1/import", {"files": [file]})).status == 200
            assert (await daemon.enter_credentials()).status == 200
            await daemon.until_channel("healthy")
            for first, last, mobile in (("Sanne", "Testhuis", "+31612345678"), ("Piet", "Zandkasteel", "+31642345678")):
                await sandbox.control.act(
                    "superservice", "book", dealer="00123", first_name=first, last_name=last, mobile=mobile
                )

            async def booked() -> Any:
                items = (await http.get("/v1/appointments")).json["items"]
                return items if len(items) == 2 else None

            visits = await daemon.until(booked)
            people = (await http.get("/v1/customers")).json["items"]
            assert sorted(one["number"] for one in people) == ["5001", "5002"], "nobody came in twice"
            assert {visit["customer_id"] for visit in visits} == {one["id"] for one in people}
            (found,) = (await http.get("/v1/customers?q=0031%2030%209870385")).json["items"]
            assert found["last_name"] == "Testhuis"
