"""A blank country is that of the site: keys follow the configuration, in old databases too."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.bookkeeping import DESK, Dealership, draft
from wtpd.store import rekeying, vehicles
from wtpd.store.database import Tx

PIET = {"last_name": "Zandkasteel", "mobile": "06 42345678", "phone": "030 9870385"}


@pytest.fixture
async def house(tmp_path: Path):  # type: ignore[no-untyped-def] # a fixture
    opened = await Dealership.open(tmp_path / "book.db")
    yield opened
    await opened.close()


async def in_countries(house: Dealership, **countries: str) -> None:
    """The configuration says so; all keys are made again."""
    house.book.plans = {
        key: replace(plan, country=countries.get(plan.site, "DE")) for key, plan in house.book.plans.items()
    }
    await house.do(house.book.keep_countries)
    await rekeying.make_due_keys(house.database)


def keys(tx: Tx) -> set[str]:
    return {row["contact"] for row in tx.all("SELECT contact FROM customer_contact")}


async def test_numbers_follow_the_country_of_the_house(house: Dealership) -> None:
    await house.do(lambda tx: house.book.create_customer(tx, PIET, author=DESK))
    assert await house.see(keys) == {"+49642345678", "+49309870385"}
    await in_countries(house, rostock="NL", guestrow="NL")
    assert await house.see(keys) == {"+31642345678", "+31309870385"}


async def test_a_country_in_the_record_counts_before_that_of_the_site(house: Dealership) -> None:
    await in_countries(house, rostock="NL", guestrow="NL")
    await house.do(lambda tx: house.book.create_customer(
        tx, {"last_name": "Lübs", "country": "Deutschland", "phone": "0381 70816"}, author=DESK
    ))  # fmt: skip
    assert await house.see(keys) == {"+4938170816"}


async def test_in_a_house_of_two_countries_the_site_of_the_visit_decides(house: Dealership) -> None:
    await in_countries(house, rostock="DE", guestrow="NL")
    person = await house.do(lambda tx: house.book.create_customer(tx, PIET, author=DESK))
    assert await house.see(keys) == set()  # no key rather than a wrong one
    visit = draft(site="guestrow", customer_id=person.id)
    await house.do(lambda tx: house.book.create(tx, visit, author=DESK))
    assert await house.see(keys) == {"+31642345678", "+31309870385"}
    await house.do(lambda tx: house.book.create_customer(
        tx, {"last_name": "Lübs", "mobile": "0171 7451701"}, author=DESK, site="rostock"
    ))  # fmt: skip
    assert "+491717451701" in await house.see(keys)


async def test_keys_are_made_again_in_portions_and_once(house: Dealership) -> None:
    def fill(tx: Tx) -> None:
        for number in range(rekeying.PORTION + 10):
            house.book.create_customer(tx, {"last_name": "X", "mobile": f"06 4{number:07}"}, author=DESK)
            house.book.create_vehicle(tx, {"plate": f"AB-CD-{number % 90 + 10}"}, author=DESK)

    await house.do(fill)
    await in_countries(house, rostock="NL", guestrow="NL")
    assert all(key.startswith("+316") for key in await house.see(keys))
    found = await house.see(lambda tx: vehicles.by_plate(tx, "abcd42"))
    assert {each.plate for each in found} == {"AB-CD-42"}
    plates = await house.see(lambda tx: [row["plate_key"] for row in tx.all("SELECT plate_key FROM vehicle")])
    assert all("-" not in plate for plate in plates)
    assert not await house.see(rekeying.is_due)
    await house.do(house.book.keep_countries)
    assert not await house.see(rekeying.is_due)
