"""A file that lost sites, partners or connectors with linked appointments isn't applied before somebody confirms it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.daemon import OFFLINE, PATIENCE, config_text, running_daemon
from tests.support.hand_clock import HandClock
from tests.support.mail_server import MailServer
from wtpd.clock import SystemClock, iso
from wtpd.config.channels import channels
from wtpd.config.diff import Changes
from wtpd.config.file import ConfigFile
from wtpd.config.history import History
from wtpd.config.model import Config
from wtpd.connectors.registry import load as registry
from wtpd.daemon import reload
from wtpd.daemon.reload import Settings
from wtpd.errors import Refused, VersionMismatch
from wtpd.store import events
from wtpd.store.database import Database, Tx

EXAMPLE = Path("etc/wtpd.yaml").read_text()
MANIFESTS = tuple(registry().manifests.values())
COMING, PAST = 3, 2


def book(tx: Tx) -> None:
    """Linked appointments at both sites of the example, and one in a department without a partner."""
    for site, number in (("rostock", "00123"), ("guestrow", "00124")):
        channel = f"superservice/{site}"
        tx.run(
            "INSERT INTO channel (id, connector, site, department, account, active, scope) "
            "VALUES (?, 'superservice', ?, 'Werkstatt', ?, 1, ?)",
            (channel, site, number, f"Werkstatt\n{number}"),
        )
        for at in range(-PAST, COMING):
            _appointment(tx, f"{site}{at}", site, "Werkstatt", at)
            tx.run(
                "INSERT INTO link (channel, account, partner_id, appointment_id, version, base) "
                "VALUES (?, ?, ?, ?, 1, '')",
                (channel, number, f"A{at}", f"{site}{at}"),
            )
        _appointment(tx, f"{site}-body", site, "Karosserie", 1)


def _appointment(tx: Tx, name: str, site: str, department: str, days: int) -> None:
    start = tx.now + timedelta(days=days, hours=1)
    tx.run(
        "INSERT INTO appointment (id, site, department, drop_off, collection, status, origin, version) "
        "VALUES (?, ?, ?, ?, ?, 'scheduled', 'planner', 1)",
        (name, site, department, iso(start), iso(start + timedelta(hours=2))),
    )


class House:
    def __init__(self, folder: Path, db: Database) -> None:
        self.path = folder / "wtpd.yaml"
        self.path.write_text(EXAMPLE)
        self.file = ConfigFile(self.path, History(folder / "history"), manifests=MANIFESTS)
        self.db = db
        self.applied: list[Config] = []

    async def settings(self) -> Settings:
        in_force, fault = await reload.begin(self.file, *reload.start(self.file), self.db, SystemClock())
        return Settings(self.file, in_force, fault, apply=self._apply, db=self.db, clock=SystemClock())

    async def _apply(self, config: Config, changes: Changes) -> None:
        self.applied.append(config)

    async def told(self) -> list[str]:
        return [event.kind for event in await self.db.read(lambda tx: events.since(tx, 0))]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    db = await Database.open(tmp_path / "wtpd.db")
    await db.write(book)
    yield House(tmp_path, db)
    await db.close()


def without(*words: str) -> str:
    return "".join(line for line in EXAMPLE.splitlines(keepends=True) if not any(word in line for word in words))


GUESTROW = EXAMPLE[: EXAMPLE.index("  - id: guestrow")]
CUT = {
    "the sites": (EXAMPLE[: EXAMPLE.index("sites:")], {"sites.rostock": (4, 2), "sites.guestrow": (4, 2)}),
    "a site": (GUESTROW, {"sites.guestrow": (4, 2)}),
    "a mapping": (
        without('dealer_number: "00124"').rsplit("        department: Werkstatt", 1)[0],
        {"sites.guestrow.partners.superservice": (3, 2)},
    ),
    "the module": (
        without("  - online_booking"),
        {"sites.rostock.partners.superservice": (3, 2), "sites.guestrow.partners.superservice": (3, 2)},
    ),
    "the connector": (
        EXAMPLE.replace(EXAMPLE[EXAMPLE.index("connectors:") : EXAMPLE.index("credentials:")], ""),
        {"connectors.superservice (rostock)": (3, 2), "connectors.superservice (guestrow)": (3, 2)},
    ),
}


@pytest.mark.parametrize("what", CUT)
async def test_what_is_lost_is_held_with_its_counts_and_told_once(house: House, what: str) -> None:
    settings = await house.settings()
    text, lost = CUT[what]
    house.path.write_text(text)
    await settings.reload()
    await settings.reload()
    assert settings.held is not None
    assert {one.name: (one.count.coming, one.count.past) for one in settings.held.losses} == lost
    assert (house.applied, len(settings.config.sites)) == ([], 2)
    assert await house.told() == ["config.held"]


async def test_a_confirmed_file_is_applied(house: House) -> None:
    settings = await house.settings()
    house.path.write_text(GUESTROW)
    await settings.reload()
    assert settings.held is not None
    await settings.accept(settings.held.etag, author="ada")
    assert [site.id for site in settings.config.sites] == ["rostock"]
    assert settings.fault is None
    assert house.file.history.versions()[0].author == "ada"
    with pytest.raises(Refused):
        await settings.accept(settings.in_force.etag, author="ada")


async def test_an_older_text_than_that_on_the_disk_isnt_confirmed(house: House) -> None:
    settings = await house.settings()
    house.path.write_text(GUESTROW)
    await settings.reload()
    assert settings.held is not None
    older = settings.held.etag
    house.path.write_text(CUT["the sites"][0])
    with pytest.raises(VersionMismatch):
        await settings.accept(older, author="ada")
    assert (house.applied, len(settings.held.losses)) == ([], 2), "what it lacks now is counted"


async def test_a_file_that_has_all_again_is_applied(house: House) -> None:
    settings = await house.settings()
    house.path.write_text(GUESTROW)
    await settings.reload()
    house.path.write_text(EXAMPLE.replace("language: de", "language: nl", 1))
    await settings.reload()
    assert (settings.fault, settings.config.language) == (None, "nl")


async def test_a_file_that_was_cut_while_the_daemon_was_off_is_held_too(house: House) -> None:
    await house.settings()
    house.path.write_text(GUESTROW)
    settings = await house.settings()
    assert settings.held is not None
    assert len(settings.config.sites) == 2
    settings = await house.settings()
    assert settings.held is not None, "and after the next start"


async def test_a_connector_that_is_switched_off_by_name_is_no_loss(house: House) -> None:
    settings = await house.settings()
    house.path.write_text(EXAMPLE.replace("enabled: true", "enabled: false"))
    await settings.reload()
    assert settings.fault is None


async def test_a_change_through_the_api_doesnt_carry_a_cut_file_along(house: House) -> None:
    settings = await house.settings()
    house.path.write_text(GUESTROW)
    with pytest.raises(Refused, match=r"lacks sites\.guestrow"):
        await settings.change([("language", "nl")], expected=None, author="ada")
    assert house.path.read_text() == GUESTROW


async def test_no_cut_file_drops_anything_in_silence(house: House) -> None:
    """Every beginning of the example, by lines: it is refused, or held, or it does what the whole does."""
    lines = EXAMPLE.splitlines(keepends=True)
    settings = await house.settings()
    for count in range(len(lines)):
        house.path.write_text("".join(lines[:count]))
        await settings.reload()
        if settings.fault is None:
            assert channels(settings.config, MANIFESTS) == channels(house.file.check(EXAMPLE).config, MANIFESTS), count
            assert [[part.id for part in site.departments] for site in settings.config.sites] == [
                ["Werkstatt", "Karosserie"]
            ] * 2


async def test_whatever_goes_wrong_in_a_check_is_shown_and_ends_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = await house.settings()

    def fails(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("wtpd.config.file.load", fails)
    house.path.write_text(GUESTROW)
    await settings.reload()
    assert settings.fault is not None
    assert "can't be checked (MemoryError)" in str(settings.fault.error)


async def test_a_rollback_counts_past_appointments_that_stay_at_the_partner(house: House) -> None:
    text = house.path.read_text()
    settings = await house.settings()
    house.path.write_text(text.replace('dealer_number: "00123"', 'dealer_number: "00777"'))
    await settings.reload()

    def mapped(tx: Tx) -> None:
        tx.run("UPDATE channel SET account = '00777', scope = 'Werkstatt\n00777' WHERE site = 'rostock'")
        tx.run("UPDATE link SET account = '00777' WHERE channel = 'superservice/rostock'")

    await house.db.write(mapped)
    plan = await settings.plan_rollback(1)
    assert (plan.cancels, plan.unlinks) == (COMING, PAST)


async def test_the_api_shows_confirms_and_goes_back(tmp_path: Path) -> None:
    text = config_text(sites={"rostock": None, "guestrow": None}, more=OFFLINE)
    async with running_daemon(tmp_path, text, watching=True) as daemon:
        await daemon.daemon.parts.db.write(book)  # type: ignore[union-attr]  # it runs
        daemon.config.write_text(text[: text.index("  - id: guestrow")])

        async def held() -> object:
            return (await daemon.http.get("/v1/config")).json["held"]

        shown = await daemon.until(held)
        assert [(one["kind"], one["name"]) for one in shown["losses"]] == [("site", "sites.guestrow")]
        [problem] = await daemon.problems()
        assert (problem["kind"], problem["touches"]) == ("config_held", 4)
        assert "wtpd config accept" in problem["next_step"]
        wrong = await daemon.http.post("/v1/config/accept", {"etag": "0" * 32})
        assert (wrong.status, wrong.kind) == (412, "version-mismatch")
        accepted = await daemon.http.post("/v1/config/accept", {"etag": shown["etag"]})
        assert (accepted.status, accepted.json["held"]) == (200, None)
        assert await daemon.problems() == []
        preview = await daemon.http.post("/v1/config/rollback?preview=true", {"version": 1})
        assert preview.json["diff"].count("+  - id: guestrow") == 1, "what will change"
        assert len((await daemon.http.get("/v1/sites")).json["items"]) == 1
        back = await daemon.http.post("/v1/config/rollback", {"version": 1})
        assert (back.status, len((await daemon.http.get("/v1/sites")).json["items"])) == (200, 2)
        assert daemon.config.read_text() == text


async def test_the_mail_about_a_held_file_goes_out_with_its_counts(tmp_path: Path) -> None:
    clock = HandClock()
    async with MailServer() as server:
        mail = f"mail: {{host: 127.0.0.1, port: {server.port}, security: none, sender: box@example.org}}\n"
        text = config_text(sites={"rostock": None, "guestrow": None}, more=OFFLINE + mail)
        text = text.replace("language: de", "language: en")
        async with running_daemon(tmp_path, text, clock=clock) as daemon:
            await daemon.daemon.parts.db.write(book)  # type: ignore[union-attr]  # it runs
            daemon.config.write_text(text[: text.index("  - id: guestrow")])
            await daemon.daemon.parts.settings.reload()  # type: ignore[union-attr]
            async with asyncio.timeout(PATIENCE):
                while not (told := [one for one in server.mails if "wtpd.yaml lacks something" in str(one["subject"])]):
                    clock.advance(2)
                    await asyncio.sleep(0.02)
            content = told[0].get_body(("plain",)).get_content()  # type: ignore[union-attr]  # it has a text
            assert "sites.guestrow (4 appointments to come, 2 past)" in content
            assert "wtpd config accept" in content
