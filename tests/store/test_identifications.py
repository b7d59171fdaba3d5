"""Answers that are paid for, and the count that keeps a VIN from being locked."""

from __future__ import annotations

from datetime import date, timedelta

from tests.support.bookkeeping import DESK, NOW, Dealership
from wtpd.store import identifications
from wtpd.vehicle_data.records import Chosen, Question

VIN = "WVWDEXTESTSTUB001"
QUESTION = Question("dat", VIN, "ALL", "de-DE/DE")
TODAY = date(2026, 11, 2)


async def test_an_answer_is_found_until_it_is_too_old(dealership: Dealership) -> None:
    await dealership.do(lambda tx: identifications.put(tx, QUESTION, '{"a":1}'))
    found = await dealership.see(lambda tx: identifications.find(tx, QUESTION, NOW))
    assert found is not None and (found.at, found.text) == (NOW, '{"a":1}')
    later = NOW + timedelta(seconds=1)
    assert await dealership.see(lambda tx: identifications.find(tx, QUESTION, later)) is None


async def test_another_question_has_another_answer(dealership: Dealership) -> None:
    await dealership.do(lambda tx: identifications.put(tx, QUESTION, "{}"))
    for other in (
        Question("dat", VIN[:-1] + "2", "ALL", "de-DE/DE"),
        Question("dat", VIN, "REPAIR", "de-DE/DE"),
        Question("dat", VIN, "ALL", "nl-NL/NL"),
        Question("rdw", VIN, "ALL", "de-DE/DE"),
    ):
        assert await dealership.see(lambda tx, other=other: identifications.find(tx, other, NOW)) is None


async def test_a_new_answer_takes_the_place_of_the_old_one(dealership: Dealership) -> None:
    await dealership.do(lambda tx: identifications.put(tx, QUESTION, "1"))
    dealership.clock.at += timedelta(days=31)
    await dealership.do(lambda tx: identifications.put(tx, QUESTION, "2"))
    found = await dealership.see(lambda tx: identifications.find(tx, QUESTION, NOW))
    assert found is not None and (found.text, found.at) == ("2", dealership.clock.at)


async def test_it_is_counted_up_to_the_limit_and_not_beyond(dealership: Dealership) -> None:
    counts = [await dealership.do(lambda tx: identifications.count(tx, "dat", VIN, TODAY, 3)) for _ in range(5)]
    assert counts == [1, 2, 3, None, None]
    assert await dealership.see(lambda tx: identifications.counted(tx, "dat", VIN, TODAY)) == 3


async def test_each_vin_and_each_day_has_its_own_count(dealership: Dealership) -> None:
    for vin, day in ((VIN, TODAY), (VIN, TODAY + timedelta(days=1)), ("OTHER", TODAY)):
        assert await dealership.do(lambda tx, vin=vin, day=day: identifications.count(tx, "dat", vin, day, 3)) == 1
    assert await dealership.see(lambda tx: identifications.counted(tx, "dat", "NOBODY", TODAY)) == 0


async def test_old_answers_and_counts_go_but_never_todays(dealership: Dealership) -> None:
    await dealership.do(lambda tx: identifications.put(tx, QUESTION, "{}"))
    for days in (0, 1, 3, 40):
        day = TODAY - timedelta(days=days)
        await dealership.do(lambda tx, day=day: identifications.count(tx, "dat", VIN, day, 24))
    dealership.clock.at += timedelta(minutes=1)
    assert await dealership.do(lambda tx: identifications.prune(tx, NOW)) == 0
    assert await dealership.do(lambda tx: identifications.prune(tx, NOW + timedelta(seconds=1))) == 1
    counts = [
        await dealership.see(
            lambda tx, days=days: identifications.counted(tx, "dat", VIN, TODAY - timedelta(days=days))
        )
        for days in (0, 1, 3, 40)
    ]
    assert counts == [1, 1, 0, 0]


async def test_what_a_vehicle_is_is_kept_once(dealership: Dealership) -> None:
    vehicle = await dealership.do(lambda tx: dealership.book.create_vehicle(tx, {"vin": VIN}, author=DESK))
    for code in ("019051150020001", "019051150020002"):
        chosen = Chosen(
            vehicle_id=vehicle.id,
            vin=VIN,
            source="dat",
            code=code,
            extras=2,
            reference={"datecode": code, "extras": [1, 2]},
            at=NOW,
            actor="anna",
        )
        await dealership.do(lambda tx, chosen=chosen: identifications.choose(tx, chosen))
    assert await dealership.see(lambda tx: identifications.chosen(tx, vehicle.id)) == chosen
    assert await dealership.see(lambda tx: identifications.chosen(tx, "nobody")) is None
