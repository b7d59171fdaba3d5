"""The settings in force: hand edits, broken ones, changes through the API; with real files."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from wtpd.clock import SystemClock
from wtpd.config.diff import Changes
from wtpd.config.file import ConfigFile
from wtpd.config.history import History
from wtpd.config.model import Config
from wtpd.daemon import reload
from wtpd.daemon.reload import Settings, data_folder
from wtpd.errors import Invalid, NotFound, VersionMismatch
from wtpd.store import events
from wtpd.store.database import Database

TEXT = """\
# kept
language: de
sites:
  - id: rostock
    name: Autohaus Rostock   # also kept
"""
BROKEN = TEXT.replace("language: de", "language: klingon")


class House:
    def __init__(self, folder: Path, db: Database) -> None:
        self.path = folder / "wtpd.yaml"
        self.file = ConfigFile(self.path, History(folder / "history"))
        self.db = db
        self.applied: list[tuple[Config, Changes]] = []

    async def settings(self) -> Settings:
        in_force, fault = await reload.begin(self.file, *reload.start(self.file), self.db, SystemClock())
        return Settings(self.file, in_force, fault, apply=self._apply, db=self.db, clock=SystemClock())

    async def _apply(self, config: Config, changes: Changes) -> None:
        self.applied.append((config, changes))

    async def told(self) -> list[str]:
        return [event.kind for event in await self.db.read(lambda tx: events.since(tx, 0))]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    db = await Database.open(tmp_path / "wtpd.db")
    house = House(tmp_path, db)
    house.path.write_text(TEXT)
    yield house
    await db.close()


async def test_a_hand_edit_comes_into_force(house: House) -> None:
    settings = await house.settings()
    house.path.write_text(TEXT.replace("de", "nl", 1))
    await settings.reload()
    assert settings.config.language == "nl"
    assert house.applied[0][1].sections == {"language"}
    assert await house.told() == ["config.applied"]
    assert [version.author for version in house.file.history.versions()] == ["file", "file"]


async def test_a_broken_file_leaves_the_last_good_settings_until_it_is_mended(house: House) -> None:
    settings = await house.settings()
    house.path.write_text(BROKEN)
    await settings.reload()
    assert settings.config.language == "de"
    assert settings.fault is not None
    assert "klingon" in str(settings.fault.error)
    since = settings.fault.since
    house.path.write_text(BROKEN + "\n")
    await settings.reload()
    assert settings.fault.since == since, "broken since it broke first"
    house.path.write_text(TEXT)
    await settings.reload()
    assert settings.fault is None
    assert await house.told() == ["config.rejected", "config.rejected", "config.applied"]


async def test_a_file_that_is_gone_is_a_fault_too(house: House) -> None:
    settings = await house.settings()
    house.path.unlink()
    await settings.reload()
    assert settings.fault is not None
    assert isinstance(settings.fault.error, NotFound)


async def test_a_start_with_a_broken_file_takes_the_last_good_one(house: House) -> None:
    await house.settings()
    house.path.write_text(BROKEN)
    settings = await house.settings()
    assert settings.config.language == "de"
    assert settings.fault is not None
    house.path.write_text(TEXT)
    await settings.reload()
    assert settings.fault is None


async def test_a_start_without_any_good_settings_is_refused_with_all_errors(house: House) -> None:
    house.path.write_text(BROKEN + "colour: red\n")
    with pytest.raises(Invalid) as refused:
        await house.settings()
    assert {problem.field for problem in refused.value.problems} == {"language", "colour"}


async def test_a_change_keeps_what_people_wrote(house: House) -> None:
    settings = await house.settings()
    etag = settings.in_force.etag
    changes = [("sites.rostock.city", "Rostock"), ("box.name", "box-07")]
    preview = await settings.preview(changes, expected=etag)
    assert "+    city: Rostock" in preview.diff
    assert house.path.read_text() == TEXT, "a preview writes nothing"
    await settings.change(changes, expected=etag, author="ada")
    assert house.path.read_text().startswith("# kept\n")
    assert "# also kept" in house.path.read_text()
    assert settings.config.box.name == "box-07"
    assert house.file.history.versions()[0].author == "ada"


async def test_a_change_of_a_file_that_was_changed_meanwhile_is_refused(house: House) -> None:
    settings = await house.settings()
    etag = settings.in_force.etag
    house.path.write_text(TEXT + "# mine\n")
    with pytest.raises(VersionMismatch) as refused:
        await settings.change([("box.name", "x")], expected=etag, author="ada")
    assert "# mine" in str(refused.value.facts["current"])


async def test_a_change_that_would_break_the_file_is_refused_and_not_written(house: House) -> None:
    settings = await house.settings()
    with pytest.raises(Invalid):
        await settings.change([("language", "klingon")], expected=None, author="ada")
    assert house.path.read_text() == TEXT
    assert settings.fault is None


async def test_an_old_version_comes_back(house: House) -> None:
    settings = await house.settings()
    await settings.change([("language", "nl")], expected=None, author="ada")
    await settings.rollback(await settings.plan_rollback(1), expected=None, author="bob")
    assert settings.config.language == "de"
    assert house.path.read_text() == TEXT


async def test_the_watch_sees_a_hand_edit(house: House) -> None:
    settings = await house.settings()
    stop = asyncio.Event()
    watching = asyncio.create_task(settings.watch(stop))
    house.path.write_text(TEXT.replace("de", "nl", 1))
    async with asyncio.timeout(60):
        while settings.config.language != "nl":
            await asyncio.sleep(0.01)
    stop.set()
    await watching


@pytest.mark.parametrize(
    ("text", "folder"),
    [
        ("data_dir: /srv/wtpd\n", "/srv/wtpd"),
        ('data_dir: "/srv/with space"  # here\n}{', "/srv/with space"),
        ('{"language": "de", "data_dir": "/srv/flow"}', "/srv/flow"),
        ("language: de\n", "/var/lib/wtpd"),
    ],
)
def test_even_a_broken_file_says_where_the_data_are(tmp_path: Path, text: str, folder: str) -> None:
    path = tmp_path / "wtpd.yaml"
    path.write_text(text)
    assert data_folder(path, None) == Path(folder)
    assert data_folder(path, tmp_path) == tmp_path
