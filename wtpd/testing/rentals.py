"""The suite for partners that rent out cars."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from wtpd.channel.errors import (
    CursorRefused,
    NeedsToken,
    PartnerBroken,
    PartnerError,
    Precondition,
    RateLimited,
    Rejected,
    Transient,
)
from wtpd.connectors.manifest import Manifest, RentalConnector
from wtpd.rentals.ports import (
    AlreadyOut,
    CarTaken,
    EndCollides,
    PriceChanged,
    ReferenceUsed,
    RentalClosed,
    RentalUnknown,
    TooLate,
)
from wtpd.rentals.records import Booking, Car, Price, Rental, Renter, Wish
from wtpd.testing.sandbox import Sandbox, access_to, running_sandbox

FAULTS: list[tuple[dict[str, Any], type[PartnerError]]] = [
    ({"kind": "status", "status": 429, "retry_after": "90"}, RateLimited),
    ({"kind": "status", "status": 500}, Transient),
    ({"kind": "status", "status": 503, "retry_after": "7"}, RateLimited),
    ({"kind": "cut", "work": "none"}, Transient),
    ({"kind": "cut_middle"}, PartnerBroken),
    ({"kind": "garbage"}, PartnerBroken),
    ({"kind": "wrong_types"}, PartnerBroken),
]


def _name(value: Any) -> str | None:
    if isinstance(value, dict):
        return "-".join(str(part) for part in value.values())
    return value.__name__ if isinstance(value, type) else None


class RentalContract(ABC):
    """`secrets`: fields of a credential that is good in every new sandbox, without the address, which `address_field`
    names; `wrong_secrets`: of one that isn't. `zone`: in which the partner's stations are open on weekdays at ten."""

    manifest: ClassVar[Manifest]
    secrets: ClassVar[Mapping[str, str]]
    wrong_secrets: ClassVar[Mapping[str, str]]
    address_field: ClassVar[str] = "address"
    zone: ClassVar[str] = "Europe/Berlin"
    renter: ClassVar[Renter] = Renter(
        number="K-1001", salutation="Frau", first_name="Ilse", last_name="Jürgens", street="Lange Straße",
        house_number="7a", postcode="18055", city="Rostock", country="DE", email="ilse@example.com",
        mobile="+49 170 1234567", language="de",
    )  # fmt: skip

    @abstractmethod
    async def reserves(self, sandbox: Sandbox, car: str, start: datetime, end: datetime) -> None:
        """Let somebody else book a car at the partner."""

    @abstractmethod
    async def prices(self, sandbox: Sandbox, car: str, per_day: Decimal) -> None:
        """Let the partner ask another price for a car."""

    @abstractmethod
    async def swaps(self, sandbox: Sandbox, number: str, car: str) -> None:
        """Let the partner give a rental another car."""

    @abstractmethod
    async def cancels(self, sandbox: Sandbox, number: str) -> None:
        """Let the partner cancel a rental."""

    @abstractmethod
    async def hands_over(self, sandbox: Sandbox, number: str) -> None:
        """Let the renter fetch the car."""

    @abstractmethod
    async def takes_back(self, sandbox: Sandbox, number: str) -> None:
        """Let the renter bring it back."""

    @abstractmethod
    async def uses_unknown_state(self, sandbox: Sandbox, number: str) -> str:
        """Let the partner give a rental a state that wtpd doesn't know; return its word."""

    @abstractmethod
    async def refuses_cursors(self, sandbox: Sandbox) -> None:
        """Let the partner know none of the cursors that it gave."""

    @abstractmethod
    async def held(self, sandbox: Sandbox) -> int:
        """Return how many rentals the partner has that aren't cancelled."""

    # --- what the tests need

    def login(self, sandbox: Sandbox, secrets: Mapping[str, str] | None = None) -> Mapping[str, str]:
        return {self.address_field: sandbox.partner(self.manifest.name), **(secrets or self.secrets)}

    @asynccontextmanager
    async def connecting(self, sandbox: Sandbox, **limits: float) -> AsyncIterator[RentalConnector]:
        """Give the connector, talking to the sandbox; `limits` as for `access_to`."""
        assert self.manifest.rentals is not None
        login = self.login(sandbox)
        partner = self.manifest.rentals(access_to(self.manifest, login[self.address_field], login, **limits))
        try:
            yield partner
        finally:
            await partner.close()

    @pytest.fixture
    async def sandbox(self, tmp_path: Path) -> AsyncIterator[Sandbox]:
        async with running_sandbox(tmp_path, manifests=[self.manifest]) as sandbox:
            yield sandbox

    @pytest.fixture
    async def partner(self, sandbox: Sandbox) -> AsyncIterator[RentalConnector]:
        async with self.connecting(sandbox) as partner:
            yield partner

    def wish(self, days: int = 2) -> Wish:
        """A period that begins on a weekday at ten in about a month, and ends on one."""
        local = datetime.now(ZoneInfo(self.zone)) + timedelta(days=30)
        start = local.replace(hour=10, minute=0, second=0, microsecond=0)
        start += timedelta(days=-start.weekday() % 7)  # Monday
        return Wish(start=start, end=start + timedelta(days=days))

    async def car(self, partner: RentalConnector, sandbox: Sandbox, wish: Wish) -> Car:
        """A free car that has a price."""
        found = await partner.search(self.login(sandbox), wish)
        return next(car for car in found.cars if car.price is not None)

    def booking(self, car: Car, wish: Wish, **changed: Any) -> Booking:
        booking = Booking(
            reference=str(uuid4()), appointment="T-1", car=car.id, start=wish.start, end=wish.end, renter=self.renter
        )
        return replace(booking, **changed)

    async def booked(self, partner: RentalConnector, sandbox: Sandbox, **changed: Any) -> tuple[Rental, Booking]:
        wish = self.wish()
        booking = self.booking(await self.car(partner, sandbox, wish), wish, **changed)
        return await partner.book(self.login(sandbox), partner.encode_booking(booking)), booking

    # --- logins and terms

    async def test_verify_says_whose_the_login_is_and_what_is_offered(
        self, partner: RentalConnector, sandbox: Sandbox
    ) -> None:
        terms = await partner.terms(self.login(sandbox))
        verified = await partner.verify(self.login(sandbox))
        assert verified.name == terms.branch != ""
        assert terms.stations and terms.classes and terms.currency
        assert all(station.name in verified.facts["stations"] for station in terms.stations)
        assert all(choice.name in verified.facts["classes"] for choice in terms.classes)
        assert all(choice.name in verified.facts["features"] for choice in terms.features)

    async def test_a_wrong_login_needs_another_one(self, partner: RentalConnector, sandbox: Sandbox) -> None:
        wrong = self.login(sandbox, self.wrong_secrets)
        with pytest.raises(NeedsToken):
            await partner.verify(wrong)
        with pytest.raises(NeedsToken):
            await partner.search(wrong, self.wish())
        assert (await partner.verify(self.login(sandbox))).name

    # --- search

    async def test_a_free_car_is_found_and_a_booked_one_isnt(self, partner: RentalConnector, sandbox: Sandbox) -> None:
        wish = self.wish()
        car = await self.car(partner, sandbox, wish)
        assert car.plate
        await self.reserves(sandbox, car.id, wish.start + timedelta(hours=5), wish.end + timedelta(days=1))
        found = await partner.search(self.login(sandbox), wish)
        assert car.id not in [one.id for one in found.cars]
        assert found.valid_until is None or found.valid_until > datetime.now(UTC) - timedelta(minutes=1)

    async def test_classes_widen_and_features_narrow(self, partner: RentalConnector, sandbox: Sandbox) -> None:
        wish, login = self.wish(), self.login(sandbox)
        cars = (await partner.search(login, wish)).cars
        classes = tuple(sorted({car.vehicle_class for car in cars}))[:2]
        found = await partner.search(login, replace(wish, classes=classes))
        assert {car.id for car in found.cars} == {car.id for car in cars if car.vehicle_class in classes}
        features = max((car.features for car in cars), key=len)
        found = await partner.search(login, replace(wish, features=features))
        assert {car.id for car in found.cars} == {car.id for car in cars if {*features} <= {*car.features}}

    async def test_an_unknown_id_finds_nothing_and_is_named(self, partner: RentalConnector, sandbox: Sandbox) -> None:
        found = await partner.search(self.login(sandbox), replace(self.wish(), station="nowhere", classes=("none",)))
        assert found.cars == () and set(found.unknown) == {"nowhere", "none"}

    async def test_a_period_that_began_is_too_late(self, partner: RentalConnector, sandbox: Sandbox) -> None:
        wish = self.wish()
        car = await self.car(partner, sandbox, wish)
        late = replace(wish, start=datetime.now(UTC) - timedelta(hours=1))
        with pytest.raises(TooLate) as caught:
            await partner.search(self.login(sandbox), late)
        assert caught.value.detail
        with pytest.raises(TooLate):
            await partner.book(self.login(sandbox), partner.encode_booking(self.booking(car, late)))
        assert await self.held(sandbox) == 0

    # --- book and find

    async def test_a_car_is_booked_and_found_again(self, partner: RentalConnector, sandbox: Sandbox) -> None:
        rental, booking = await self.booked(partner, sandbox)
        assert (rental.state, rental.is_closed, rental.by_partner) == ("reserved", False, False)
        assert (rental.reference, rental.appointment) == (booking.reference, booking.appointment)
        assert (rental.start, rental.end, rental.car.id) == (booking.start, booking.end, booking.car)
        assert rental.number and rental.version and rental.car.plate
        login = self.login(sandbox)
        assert await partner.find(login, booking.reference) == rental
        assert await partner.get(login, rental.number) == rental
        assert await partner.find(login, str(uuid4())) is None

    async def test_the_same_booking_twice_is_one_rental(self, partner: RentalConnector, sandbox: Sandbox) -> None:
        rental, booking = await self.booked(partner, sandbox)
        again = await partner.book(self.login(sandbox), partner.encode_booking(booking))
        assert again == rental and await self.held(sandbox) == 1

    async def test_a_repeated_booking_says_what_the_rental_is_now(
        self, partner: RentalConnector, sandbox: Sandbox
    ) -> None:
        rental, booking = await self.booked(partner, sandbox)
        await self.cancels(sandbox, rental.number)
        again = await partner.book(self.login(sandbox), partner.encode_booking(booking))
        assert (again.number, again.state, again.by_partner) == (rental.number, "cancelled", True)
        assert await self.held(sandbox) == 0

    async def test_a_reference_stands_for_one_booking(self, partner: RentalConnector, sandbox: Sandbox) -> None:
        _, booking = await self.booked(partner, sandbox)
        other = replace(booking, end=booking.end + timedelta(days=1))
        with pytest.raises(ReferenceUsed):
            await partner.book(self.login(sandbox), partner.encode_booking(other))
        assert await self.held(sandbox) == 1

    @pytest.mark.parametrize("fault", [{"kind": "cut"}, {"kind": "cut_middle"}, {"kind": "garbage"}], ids=_name)
    async def test_a_booking_whose_answer_was_lost_is_found_by_its_reference(
        self, partner: RentalConnector, sandbox: Sandbox, fault: dict[str, Any]
    ) -> None:
        wish = self.wish()
        booking = self.booking(await self.car(partner, sandbox, wish), wish)
        body = partner.encode_booking(booking)
        await sandbox.control.fault(self.manifest.name, **fault, method="POST", work="first", count=1)
        with pytest.raises(Transient):
            await partner.book(self.login(sandbox), body)
        found = await partner.find(self.login(sandbox), booking.reference)
        assert found is not None and found == await partner.book(self.login(sandbox), body)
        assert await self.held(sandbox) == 1

    async def test_a_car_that_was_taken_meanwhile_comes_with_others(
        self, partner: RentalConnector, sandbox: Sandbox
    ) -> None:
        wish = self.wish()
        car = await self.car(partner, sandbox, wish)
        await self.reserves(sandbox, car.id, wish.start, wish.end)
        before = await self.held(sandbox)
        with pytest.raises(CarTaken) as caught:
            await partner.book(self.login(sandbox), partner.encode_booking(self.booking(car, wish)))
        assert caught.value.alternatives and car.id not in [one.id for one in caught.value.alternatives]
        assert await self.held(sandbox) == before

    async def test_of_many_who_want_one_car_one_gets_it(self, partner: RentalConnector, sandbox: Sandbox) -> None:
        wish = self.wish()
        car = await self.car(partner, sandbox, wish)
        bodies = [partner.encode_booking(self.booking(car, wish)) for _ in range(8)]
        results = await asyncio.gather(
            *(partner.book(self.login(sandbox), body) for body in bodies), return_exceptions=True
        )
        assert sorted(type(one).__name__ for one in results) == ["CarTaken"] * 7 + ["Rental"]
        assert all(one.alternatives for one in results if isinstance(one, CarTaken))
        assert await self.held(sandbox) == 1

    async def test_another_price_is_shown_before_anything_is_booked(
        self, partner: RentalConnector, sandbox: Sandbox
    ) -> None:
        wish = self.wish()
        car = await self.car(partner, sandbox, wish)
        booking = self.booking(car, wish, expected_price=car.price)
        await self.prices(sandbox, car.id, Decimal("123.45"))
        with pytest.raises(PriceChanged) as caught:
            await partner.book(self.login(sandbox), partner.encode_booking(booking))
        assert isinstance(caught.value.price, Price) and caught.value.price != car.price
        assert await self.held(sandbox) == 0
        agreed = replace(booking, expected_price=caught.value.price)
        rental = await partner.book(self.login(sandbox), partner.encode_booking(agreed))
        assert rental.price == caught.value.price

    async def test_what_cant_be_said_isnt_sent(self, partner: RentalConnector, sandbox: Sandbox) -> None:
        wish = self.wish()
        booking = self.booking(Car(id="1", plate=""), wish, renter=replace(self.renter, last_name="\ud83d"))
        with pytest.raises(Rejected):
            partner.encode_booking(booking)

    # --- change and cancel

    async def test_the_end_is_changed_and_a_repeated_change_changes_nothing(
        self, partner: RentalConnector, sandbox: Sandbox
    ) -> None:
        rental, _ = await self.booked(partner, sandbox)
        login, body = self.login(sandbox), partner.encode_end(rental.end + timedelta(days=1))
        changed = await partner.change_end(login, rental.number, rental.version, body)
        assert changed.end == rental.end + timedelta(days=1) and changed.version > rental.version
        assert await partner.change_end(login, rental.number, rental.version, body) == changed
        shorter = partner.encode_end(rental.end)
        assert (await partner.change_end(login, rental.number, changed.version, shorter)).end == rental.end

    async def test_a_change_of_an_older_version_is_refused(self, partner: RentalConnector, sandbox: Sandbox) -> None:
        rental, _ = await self.booked(partner, sandbox)
        other = next(one for one in (await partner.search(self.login(sandbox), self.wish())).cars)
        await self.swaps(sandbox, rental.number, other.id)
        body = partner.encode_end(rental.end + timedelta(days=1))
        with pytest.raises(Precondition):
            await partner.change_end(self.login(sandbox), rental.number, rental.version, body)
        assert (await partner.get(self.login(sandbox), rental.number)).end == rental.end

    async def test_an_extension_that_collides_says_until_when_it_goes(
        self, partner: RentalConnector, sandbox: Sandbox
    ) -> None:
        rental, _ = await self.booked(partner, sandbox)
        begin = rental.end + timedelta(hours=24)
        await self.reserves(sandbox, rental.car.id, begin, begin + timedelta(days=2))
        login, body = self.login(sandbox), partner.encode_end(begin + timedelta(days=1))
        with pytest.raises(EndCollides) as caught:
            await partner.change_end(login, rental.number, rental.version, body)
        assert caught.value.latest_end is not None and rental.end <= caught.value.latest_end <= begin
        assert rental.car.id not in [one.id for one in caught.value.alternatives]
        assert await partner.get(login, rental.number) == rental

    async def test_a_rental_is_cancelled_and_stays_so(self, partner: RentalConnector, sandbox: Sandbox) -> None:
        rental, booking = await self.booked(partner, sandbox)
        login, body = self.login(sandbox), partner.encode_cancellation("Termin abgesagt")
        cancelled = await partner.cancel(login, rental.number, body)
        assert (cancelled.state, cancelled.is_closed) == ("cancelled", True)
        assert await partner.cancel(login, rental.number, body) == cancelled
        with pytest.raises(RentalClosed):
            end = partner.encode_end(rental.end + timedelta(days=1))
            await partner.change_end(login, rental.number, cancelled.version, end)
        again = await partner.book(login, partner.encode_booking(replace(booking, reference=str(uuid4()))))
        assert again.number != rental.number, "the car is free again"

    async def test_a_car_that_is_out_is_neither_cancelled_nor_lost(
        self, partner: RentalConnector, sandbox: Sandbox
    ) -> None:
        rental, _ = await self.booked(partner, sandbox)
        login, body = self.login(sandbox), partner.encode_cancellation("Termin abgesagt")
        await self.hands_over(sandbox, rental.number)
        with pytest.raises(AlreadyOut):
            await partner.cancel(login, rental.number, body)
        out = await partner.get(login, rental.number)
        assert (out.state, out.by_partner, out.is_closed) == ("out", True, False)
        await self.takes_back(sandbox, rental.number)
        back = await partner.get(login, rental.number)
        assert (back.state, back.is_closed) == ("returned", True)

    async def test_a_rental_that_isnt_there_is_unknown(self, partner: RentalConnector, sandbox: Sandbox) -> None:
        login = self.login(sandbox)
        with pytest.raises(RentalUnknown):
            await partner.get(login, "no-such-one")
        with pytest.raises(RentalUnknown):
            await partner.cancel(login, "no-such-one", partner.encode_cancellation("Termin abgesagt"))
        with pytest.raises(RentalUnknown):
            await partner.change_end(login, "no-such-one", 1, partner.encode_end(self.wish().end))

    # --- changes

    async def test_changes_come_once_and_in_order(self, partner: RentalConnector, sandbox: Sandbox) -> None:
        login = self.login(sandbox)
        first, _ = await self.booked(partner, sandbox)
        second, _ = await self.booked(partner, sandbox)
        page = await partner.changes(login, None, None)
        assert [one.number for one in page.rentals] == [first.number, second.number]
        assert page.cursor and not page.more
        await self.cancels(sandbox, first.number)
        page = await partner.changes(login, page.cursor, None)
        [changed] = page.rentals
        assert (changed.number, changed.state, changed.by_partner) == (first.number, "cancelled", True)
        assert (await partner.changes(login, page.cursor, None)).rentals == ()

    async def test_a_swapped_car_and_an_unknown_state_are_seen(
        self, partner: RentalConnector, sandbox: Sandbox
    ) -> None:
        rental, _ = await self.booked(partner, sandbox)
        other = (await partner.search(self.login(sandbox), self.wish())).cars[0]
        await self.swaps(sandbox, rental.number, other.id)
        [changed] = (await partner.changes(self.login(sandbox), None, None)).rentals
        assert (changed.car.id, changed.car.plate, changed.by_partner) == (other.id, other.plate, True)
        word = await self.uses_unknown_state(sandbox, rental.number)
        [changed] = (await partner.changes(self.login(sandbox), None, None)).rentals
        assert (changed.state, changed.is_closed) == (word, False)

    async def test_a_refused_cursor_is_told_from_other_trouble(
        self, partner: RentalConnector, sandbox: Sandbox
    ) -> None:
        login = self.login(sandbox)
        rental, _ = await self.booked(partner, sandbox)
        cursor = (await partner.changes(login, None, None)).cursor
        await self.refuses_cursors(sandbox)
        with pytest.raises(CursorRefused):
            await partner.changes(login, cursor, None)
        page = await partner.changes(login, None, datetime.now(UTC) - timedelta(hours=1))
        assert [one.number for one in page.rentals] == [rental.number]
        assert (await partner.changes(login, None, datetime.now(UTC) + timedelta(hours=1))).rentals == ()

    # --- a partner in trouble

    @pytest.mark.parametrize(("fault", "error"), FAULTS, ids=_name)
    async def test_each_fault_has_its_error(
        self, partner: RentalConnector, sandbox: Sandbox, fault: dict[str, Any], error: type[PartnerError]
    ) -> None:
        login = self.login(sandbox)
        rental, _ = await self.booked(partner, sandbox)
        await sandbox.control.fault(self.manifest.name, **fault)
        with pytest.raises(error):
            await partner.get(login, rental.number)
        await sandbox.control.clear_faults(self.manifest.name)
        async with self.connecting(sandbox) as another:  # one that wasn't asked to wait
            assert await another.get(login, rental.number) == rental

    async def test_a_partner_that_never_answers_is_given_up(self, sandbox: Sandbox) -> None:
        await sandbox.control.fault(self.manifest.name, "never")
        async with self.connecting(sandbox, read_timeout=0.3, total_timeout=0.6) as partner:
            with pytest.raises(Transient):
                await partner.terms(self.login(sandbox))

    async def test_a_restarted_partner_has_its_rentals(self, tmp_path: Path) -> None:
        async with running_sandbox(tmp_path, manifests=[self.manifest]) as sandbox, self.connecting(sandbox) as partner:
            rental, booking = await self.booked(partner, sandbox)
        async with running_sandbox(tmp_path, manifests=[self.manifest]) as sandbox, self.connecting(sandbox) as partner:
            assert await partner.get(self.login(sandbox), rental.number) == rental
            assert await partner.book(self.login(sandbox), partner.encode_booking(booking)) == rental
            with pytest.raises(CarTaken):
                other = partner.encode_booking(replace(booking, reference=str(uuid4())))
                await partner.book(self.login(sandbox), other)
