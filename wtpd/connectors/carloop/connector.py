"""Carloop as wtpd sees it: a `RentalPartner` over `client.py` and `wire.py`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any, NoReturn, TypeVar
from urllib.parse import quote

from wtpd.channel.errors import (
    BrokenItem,
    CursorRefused,
    NeedsToken,
    NotAllowed,
    PartnerBroken,
    Precondition,
    Rejected,
)
from wtpd.connectors.carloop import wire
from wtpd.connectors.carloop.client import Client, Reply, read
from wtpd.connectors.kit.values import WireError
from wtpd.connectors.manifest import Access, Verified
from wtpd.rentals.ports import (
    AlreadyOut,
    CarTaken,
    EndCollides,
    PriceChanged,
    ReferenceUsed,
    RentalClosed,
    RentalUnknown,
    RenterIncomplete,
    RenterRefused,
    Secrets,
    TooLate,
)
from wtpd.rentals.records import Booking, Found, Rental, RentalPage, Terms, Wish
from wtpd.texts import N_, Text

T = TypeVar("T")

FACTS = 20
"""Names of each kind that `verify` lists."""


class Carloop:
    """One for all branches: which one is asked is in the secrets of each call."""

    def __init__(self, access: Access) -> None:
        self._client = Client(access)
        self._numbers: set[str] = set()
        """Ids that Carloop writes as numbers, as far as answers had them."""

    async def verify(self, secrets: Secrets) -> Verified:
        terms = await self.terms(secrets)
        facts = {
            "stations": _listed([one.name or one.id for one in terms.stations]),
            "classes": _listed([one.name for one in terms.classes]),
            "features": _listed([one.name for one in terms.features]),
        }
        return Verified(account=_listed([one.id for one in terms.stations]), name=terms.branch, facts=facts)

    async def terms(self, secrets: Secrets) -> Terms:
        reply = _good(await self._client.call(secrets, "GET", wire.TERMS))
        self._numbers |= wire.numbers(reply.json)
        return await _read(wire.terms, reply)

    async def search(self, secrets: Secrets, wish: Wish) -> Found:
        body = _written(lambda given: wire.search(given, self._numbers), wish)
        reply = _good(await self._client.call(secrets, "POST", wire.SEARCH, body=body))
        self._numbers |= wire.numbers(reply.json)
        found = await _read(wire.found, reply)
        if found.cars or not (wish.station or wish.classes or wish.features):
            return found
        return replace(found, unknown=_unknown(wish, await self.terms(secrets)))

    def encode_booking(self, booking: Booking) -> str:
        return _written(lambda given: wire.booking(given, self._numbers), booking)

    def encode_end(self, end: datetime) -> str:
        return _written(wire.end, end)

    def encode_cancellation(self, reason: str) -> str:
        return _written(wire.cancellation, reason)

    async def book(self, secrets: Secrets, body: str) -> Rental:
        reference = wire.reference_of(body)
        reply = await self._client.call(secrets, "POST", wire.RENTALS, body=body)
        if reply.status >= 300:
            self._numbers |= wire.numbers(reply.json)
            _refuse_booking(reply)
        try:
            rental = _rental(reply)
        except BrokenItem:
            if (found := await self.find(secrets, reference)) is None:
                raise
            return found
        if rental.reference not in ("", reference):
            raise BrokenItem(f"{reply.call}: the answer is about another rental", status=reply.status)
        return replace(rental, reference=reference)

    async def find(self, secrets: Secrets, reference: str) -> Rental | None:
        params = wire.by_reference(reference)
        reply = await self._client.call(secrets, "GET", wire.RENTALS, params=params)
        if reply.status == 404 and wire.refused(reply.json).by_code("VORGANG_UNBEKANNT"):
            return None
        page = await _read(wire.page, _good(reply))
        mine = [rental for rental in page.rentals if rental.reference == reference]
        if not mine and page.unreadable:
            raise BrokenItem(f"{reply.call}: a rental that can't be read", status=reply.status)
        return mine[0] if mine else None

    async def get(self, secrets: Secrets, number: str) -> Rental:
        return self._about(number, _good(await self._client.call(secrets, "GET", _path(number))))

    async def change_end(self, secrets: Secrets, number: str, version: int, body: str) -> Rental:
        """A change whose answer was lost is answered by what it made: then the end is the wanted one already."""
        headers = {"If-Match": wire.etag(version)}
        reply = await self._client.call(secrets, "PATCH", _path(number), body=body, headers=headers)
        if reply.status == 412:
            rental = await self.get(secrets, number)
            if rental.end == wire.end_of(body) and not rental.is_closed:
                return rental
            raise Precondition(reply.call, status=412)
        if reply.status >= 300:
            self._numbers |= wire.numbers(reply.json)
            _refuse_end(reply)
        return await self._after_write(secrets, number, reply)

    async def cancel(self, secrets: Secrets, number: str, body: str) -> Rental:
        path = _path(number) + wire.CANCELLATION
        reply = _good(await self._client.call(secrets, "POST", path, body=body))
        return await self._after_write(secrets, number, reply)

    async def changes(
        self, secrets: Secrets, cursor: str | None, since: datetime | None, *, limit: int = 100
    ) -> RentalPage:
        """Carloop decides how long a page is."""
        params = wire.changed(cursor or None, since)
        reply = await self._client.call(secrets, "GET", wire.RENTALS, params=params)
        unknown = wire.refused(reply.json).by_code("CURSOR_UNGUELTIG") if reply.status >= 400 else None
        if unknown or (cursor and reply.status in (400, 410)):
            raise CursorRefused(reply.call, status=reply.status)
        page = await _read(wire.page, _good(reply))
        following = page.cursor or cursor or ""
        return replace(page, cursor=following, more=page.more and following not in ("", cursor))

    async def close(self) -> None:
        await self._client.close()

    async def _after_write(self, secrets: Secrets, number: str, reply: Reply) -> Rental:
        """The rental after a write. What it is now is asked where the answer doesn't say it."""
        try:
            return self._about(number, reply)
        except BrokenItem:
            return await self.get(secrets, number)

    def _about(self, number: str, reply: Reply) -> Rental:
        rental = _rental(reply)
        if rental.number != number:
            raise BrokenItem(f"{reply.call}: the answer is about another rental", status=reply.status)
        return rental


def _path(number: str) -> str:
    return f"{wire.RENTALS}/{quote(number, safe='')}"


def _unknown(wish: Wish, terms: Terms) -> tuple[str, ...]:
    """The ids of the wish that aren't among the terms."""
    station = [] if wish.station is None else [wish.station]
    kinds = ((station, terms.stations), (wish.classes, terms.classes), (wish.features, terms.features))
    return tuple(one for wanted, offered in kinds for one in wanted if one not in {each.id for each in offered})


def _listed(names: list[str]) -> str:
    return ", ".join(names[:FACTS]) + (", …" if len(names) > FACTS else "")


async def _read(reader: Callable[[Any], T], reply: Reply) -> T:
    try:
        return await read(reader, reply)
    except WireError as error:
        raise PartnerBroken(f"{reply.call}: {error}", status=reply.status, reason=_broken(error)) from None


def _rental(reply: Reply) -> Rental:
    """The rental of an answer; its version stands in the ETag, too."""
    try:
        rental = wire.rental(reply.json)
    except WireError as error:
        raise BrokenItem(f"{reply.call}: {error}", status=reply.status, reason=_broken(error)) from None
    return rental if rental.version else replace(rental, version=wire.version_of(reply.etag))


def _written(writer: Callable[[T], str], value: T) -> str:
    try:
        return writer(value)
    except WireError as error:
        raise Rejected(f"this can't be sent: {error}", reason=error.text) from None


def _broken(error: WireError) -> Text:
    return N_("its answer can't be understood: {reason}", reason=error.text)


# --- refusals -------------------------------------------------------------------------------------------------------

_NO_INTERFACE = N_("at this address there is no interface for wtpd; check the address in the credentials")
_LOCKED = "KUNDE_GESPERRT"
"""Its text is about the person, so it comes before all other codes."""

_MEANT: tuple[tuple[str, type[Rejected], Text], ...] = (
    ("REFERENZ_VERWENDET", ReferenceUsed, N_("the reference of this rental stands for another one there")),
    ("ZEIT_IN_VERGANGENHEIT", TooLate, N_("the rental begins in the past, or too soon")),
    ("BEREITS_ABGEHOLT", AlreadyOut, N_("the car was handed over already")),
    ("VORGANG_ABGESCHLOSSEN", RentalClosed, N_("the rental is over or cancelled; it can't be changed any more")),
    ("VORGANG_UNBEKANNT", RentalUnknown, N_("it has no such rental")),
    ("AUSSERHALB_OEFFNUNGSZEIT", Rejected, N_("the station is closed at that time")),
    ("ZEITRAUM_UNGUELTIG", Rejected, N_("this period isn't possible")),
    ("FAHRZEUG_UNBEKANNT", Rejected, N_("it has no such car any more")),
    ("NUR_ENDE_AENDERBAR", Rejected, N_("only the end of a rental can be changed")),
)
"""Carloop's codes: the error that each is, and a sentence for where Carloop gives none of its own."""


def _good(reply: Reply) -> Reply:
    if reply.status >= 300:
        _refuse(reply)
    return reply


def _refuse_booking(reply: Reply) -> NoReturn:
    said = wire.refused(reply.json)
    if said.by_code(_LOCKED):
        _refuse(reply)
    if said.by_code("PREIS_GEAENDERT"):
        raise PriceChanged(_message(reply, said), price=said.price, status=reply.status, detail=said.text)
    unknown = reply.status == 409 and said.alternatives and not any(said.by_code(code) for code, *_ in _MEANT)
    if said.by_code("FAHRZEUG_NICHT_FREI") or unknown:
        message = _message(reply, said)
        raise CarTaken(message, alternatives=said.alternatives, status=reply.status, detail=said.text)
    _refuse(reply)


def _refuse_end(reply: Reply) -> NoReturn:
    said = wire.refused(reply.json)
    if said.by_code("FAHRZEUG_NICHT_FREI") or (reply.status == 409 and said.latest_end is not None):
        raise EndCollides(
            _message(reply, said),
            latest_end=said.latest_end,
            alternatives=said.alternatives,
            status=reply.status,
            detail=said.text,
        )
    _refuse(reply)


def _refuse(reply: Reply) -> NoReturn:
    """Raise the error that the answer means, by Carloop's code; by its status where it gives none that is known."""
    said, status = wire.refused(reply.json), reply.status
    message = _message(reply, said)
    if said.by_code("NICHT_ANGEMELDET"):
        raise NeedsToken(message, status=status)
    if said.by_code(_LOCKED):
        raise RenterRefused(message, status=status, said=said.text)
    if missing := said.by_code("PFLICHTFELD"):
        raise RenterIncomplete(
            message, field=wire.renter_field(missing.field), status=status, detail=missing.text or said.text
        )
    for code, kind, sentence in _MEANT:
        if said.by_code(code):
            raise kind(message, status=status, detail=said.text, reason=None if said.text else sentence)
    if status == 403 and not said.faults:
        raise NotAllowed(message, status=status)
    if status in (404, 405) and not said.faults:
        raise PartnerBroken(message, status=status, reason=_NO_INTERFACE)
    if status == 412:
        raise Precondition(message, status=status)
    raise Rejected(message, status=status, detail=said.text)


def _message(reply: Reply, said: wire.Refused) -> str:
    """For logs: codes only, since texts may be about a person."""
    return " ".join([reply.call, *(fault.code for fault in said.faults if fault.code)])
