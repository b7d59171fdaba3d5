"""Who is where: entries live as long as their client's stream, and the others hear of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from tests.support.hand_clock import HandClock
from wtpd.daemon.presence import GRACE, MOST, Person, Presence
from wtpd.errors import Refused

ANNA, BEN = (1001, "a"), (1002, "b")
PLACE = "mapping/rostock/superservice"


class Hall:
    def __init__(self) -> None:
        self.clock = HandClock()
        self.presence = Presence(self.clock)
        self.told: list[tuple[str, list[tuple[str, bool]]]] = []
        self.presence.listeners.append(self._hear)

    def _hear(self, what: str, people: Sequence[Person]) -> None:
        self.told.append((what, [(one.who, one.editing) for one in people]))

    def names(self, what: str = PLACE) -> list[str]:
        return [one.who for one in self.presence.people(what)]

    async def pass_time(self, seconds: float) -> None:
        await asyncio.sleep(0)
        self.clock.advance(seconds)
        for _ in range(3):
            await asyncio.sleep(0)


@pytest.fixture
async def hall() -> Hall:
    return Hall()


async def test_two_at_the_same_thing_see_each_other(hall: Hall) -> None:
    for key in (ANNA, BEN):
        hall.presence.came(key)
    assert hall.presence.put(ANNA, "anna", PLACE, editing=False) == []
    assert [one.who for one in hall.presence.put(BEN, "ben", PLACE, editing=True)] == ["anna"]
    assert hall.told == [(PLACE, [("anna", False)]), (PLACE, [("anna", False), ("ben", True)])]
    assert hall.presence.put(BEN, "ben", "log", editing=False) == []
    assert hall.told[2:] == [("log", [("ben", False)]), (PLACE, [("anna", False)])]


async def test_saying_the_same_again_is_no_news(hall: Hall) -> None:
    hall.presence.came(ANNA)
    hall.presence.put(ANNA, "anna", PLACE, editing=False)
    since = hall.presence.people(PLACE)[0].since
    hall.clock.advance(10)
    hall.presence.put(ANNA, "anna", PLACE, editing=False)
    assert hall.presence.people(PLACE)[0].since == since
    hall.presence.put(ANNA, "anna", PLACE, editing=True)
    assert hall.presence.people(PLACE)[0].since > since
    assert len(hall.told) == 2


async def test_whoever_is_killed_is_gone_at_once(hall: Hall) -> None:
    hall.presence.came(ANNA)
    hall.presence.put(ANNA, "anna", PLACE, editing=True)
    hall.presence.went(ANNA)
    assert (hall.names(), hall.told[-1]) == ([], (PLACE, []))


async def test_whoever_comes_back_in_time_is_where_they_were(hall: Hall) -> None:
    hall.presence.came(ANNA)
    hall.presence.put(ANNA, "anna", PLACE, editing=True)
    hall.presence.went(ANNA)
    await hall.pass_time(GRACE - 1)
    hall.presence.came(ANNA)
    assert (hall.names(), hall.told[-1]) == (["anna"], (PLACE, [("anna", True)]))
    await hall.pass_time(GRACE * 10)
    assert hall.names() == ["anna"]


async def test_whoever_comes_back_late_is_a_stranger(hall: Hall) -> None:
    hall.presence.came(ANNA)
    hall.presence.put(ANNA, "anna", PLACE, editing=True)
    hall.presence.went(ANNA)
    await hall.pass_time(GRACE + 1)
    hall.presence.came(ANNA)
    assert hall.names() == []


async def test_one_stream_of_two_is_enough(hall: Hall) -> None:
    hall.presence.came(ANNA)
    hall.presence.came(ANNA)
    hall.presence.put(ANNA, "anna", PLACE, editing=False)
    hall.presence.went(ANNA)
    assert hall.names() == ["anna"]
    hall.presence.went(ANNA)
    assert hall.names() == []


async def test_without_a_stream_an_entry_ends_by_itself(hall: Hall) -> None:
    hall.presence.put(ANNA, "anna", PLACE, editing=False)
    await hall.pass_time(GRACE - 1)
    hall.presence.put(ANNA, "anna", PLACE, editing=False)
    await hall.pass_time(2)
    assert hall.names() == ["anna"], "it was said again meanwhile"
    await hall.pass_time(GRACE)
    assert (hall.names(), hall.told[-1]) == ([], (PLACE, []))


async def test_nowhere_is_told_to_those_who_stay(hall: Hall) -> None:
    hall.presence.came(ANNA)
    hall.presence.put(ANNA, "anna", PLACE, editing=False)
    hall.presence.put(ANNA, "anna", None, editing=False)
    assert hall.told[-1] == (PLACE, [])
    hall.presence.put(ANNA, "anna", None, editing=False)
    assert len(hall.told) == 2


async def test_there_is_an_end_to_it(hall: Hall) -> None:
    gone = (1, "gone")
    hall.presence.came(gone)
    hall.presence.put(gone, "gone", PLACE, editing=False)
    hall.presence.went(gone)
    for number in range(MOST):
        hall.presence.put((100 + number, str(number)), "many", PLACE, editing=False)
    with pytest.raises(Refused):
        hall.presence.put(ANNA, "anna", PLACE, editing=False)
    hall.presence.put((107, "7"), "many", "log", editing=True)
    assert len(hall.names()) == MOST - 1
    hall.presence.close()


async def test_one_users_client_is_no_other_users(hall: Hall) -> None:
    hall.presence.came((1001, "x"))
    hall.presence.put((1001, "x"), "anna", PLACE, editing=True)
    hall.presence.put((1002, "x"), "ben", None, editing=False)
    assert hall.names() == ["anna"]
