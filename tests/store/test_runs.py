"""The records of runs."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.bookkeeping import NOW, Dealership
from wtpd.store import runs
from wtpd.sync.ports import RunRecord
from wtpd.texts import N_, Text


def _record(channel: str, hours: float, **other: object) -> RunRecord:
    at = NOW + timedelta(hours=hours)
    return RunRecord(channel=channel, trigger="interval", started_at=at, ended_at=at, **other)


async def _kept(dealership: Dealership) -> None:
    records = [
        _record("superservice/rostock", 0, sent=1),
        _record("superservice/rostock", 1, error="503"),
        _record("superservice/guestrow", 2, quiet=12),
        _record("superservice2/rostock", 3, fetched=4),
    ]
    await dealership.do(lambda tx: [runs.add(tx, record) for record in records])


async def test_they_come_newest_first_by_connector_site_and_time(dealership: Dealership) -> None:
    await _kept(dealership)

    async def channels(**where: object) -> list[str]:
        records = await dealership.see(lambda tx: runs.page(tx, **where))
        return [record.channel for record in records]

    assert await channels(limit=1) == ["superservice2/rostock"]
    assert await channels(connector="superservice") == ["superservice/guestrow"] + ["superservice/rostock"] * 2
    assert await channels(site="guestrow") == ["superservice/guestrow"]
    assert await channels(connector="superservice", site="rostock") == ["superservice/rostock"] * 2
    assert await channels(before=NOW + timedelta(minutes=30)) == ["superservice/rostock"]


async def test_a_record_comes_back_as_it_was(dealership: Dealership) -> None:
    record = _record("superservice/rostock", 0, sent=3, conflicts=1, requests=9)
    await dealership.do(lambda tx: runs.add(tx, record))
    assert await dealership.see(runs.page) == [record]


@pytest.mark.parametrize(
    "error", ["503", '{"msgid": "not a text"}', N_("{who} has no general entry", who=N_("Partner"))]
)
async def test_an_error_comes_back_as_it_was(dealership: Dealership, error: Text | str) -> None:
    await dealership.do(lambda tx: runs.add(tx, _record("superservice/rostock", 0, error=error)))
    [record] = await dealership.see(runs.page)
    assert record.error == error


async def test_only_runs_in_which_something_happened_are_told(dealership: Dealership) -> None:
    await _kept(dealership)
    assert [event.data["channel"] for event in dealership.events] == [
        "superservice/rostock", "superservice/rostock", "superservice2/rostock",
    ]  # fmt: skip


async def test_the_last_success_counts_only_runs_without_an_error(dealership: Dealership) -> None:
    await _kept(dealership)
    assert await dealership.see(lambda tx: runs.last_success(tx, "superservice/rostock")) == NOW
    assert await dealership.see(lambda tx: runs.last_success(tx, "dat/rostock")) is None


async def test_old_ones_are_pruned_a_few_at_a_time(dealership: Dealership) -> None:
    await _kept(dealership)
    before = NOW + timedelta(hours=2.5)
    assert await dealership.do(lambda tx: runs.prune(tx, before, limit=2)) == 2
    assert await dealership.do(lambda tx: runs.prune(tx, before)) == 1
    assert len(await dealership.see(runs.page)) == 1
