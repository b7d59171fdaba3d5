"""Vehicles identified and valued by DAT, so that nothing is paid for twice (spec: credentials.md, "DAT, for real").

Answers are kept for 30 days, equal questions at the same time are asked once, and a VIN is never asked for so often on
a day that DAT locks it. A query is counted, on disk, before it is sent: a crash may cost a count, never a lock.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from wtpd.clock import Clock
from wtpd.config.model import Config, ConnectorSettings, seconds
from wtpd.connectors.base import Verified
from wtpd.connectors.dat.client import ANSWER_LIMIT, Dat, UnreadAnswer, login_of
from wtpd.connectors.dat.products import ADDRESS, DATECODE, FINANCE, named, split
from wtpd.connectors.dat.values import Evaluation, Identification, Locale, Login, Restriction, Taxation, Valuation
from wtpd.connectors.dat.wire import FaultError
from wtpd.connectors.dat.wire import identification as read_answer
from wtpd.connectors.kit.http import PartnerHttp
from wtpd.connectors.kit.values import WireError
from wtpd.daemon.credentials import Credentials
from wtpd.errors import Invalid, Problem, Refused, Unavailable
from wtpd.planner.vin import is_short_vin, is_vin, normalise_vin, vin_problem
from wtpd.secrets.resolve import Order
from wtpd.store import identifications
from wtpd.store.database import Database, Tx
from wtpd.store.identifications import Chosen, Question
from wtpd.sync.errors import NeedsToken
from wtpd.texts import N_

log = logging.getLogger(__name__)

DAT = "dat"
KEPT = timedelta(days=30)
LIMIT = 24
"""Queries of one VIN on a day; the next one would lock it."""
HOME = ZoneInfo("Europe/Berlin")
"""Whose days are counted: DAT's."""

_decode = msgspec.json.Decoder(Identification).decode


@dataclass(frozen=True, slots=True)
class Found:
    """`at`: when DAT said so. `is_kept`: it wasn't asked now. `asked_today`: queries of this VIN."""

    vin: str
    answer: Identification
    at: datetime
    is_kept: bool
    asked_today: int


class Identifier:
    """`config` is asked each time, so that changed settings count."""

    def __init__(self, db: Database, credentials: Credentials, config: Callable[[], Config], clock: Clock) -> None:
        self._db = db
        self._credentials = credentials
        self._config = config
        self._clock = clock
        self._flights: dict[Question, asyncio.Task[Found]] = {}
        self._client: tuple[ConnectorSettings, Dat] | None = None
        self._retired: list[Dat] = []
        self._closed = False

    async def identify(
        self, vin: str, order: Order, *, restriction: Restriction = "ALL", refresh: bool = False
    ) -> Found:
        """What the VIN stands for. `order` says whose login is used; `refresh`: ask anew, which costs money.

        Raises `Invalid` for what is no VIN, `NoCredential`, `Refused` of kind `vin-limit` or `unread-answer`, and the
        partner's errors."""
        vin = _checked(vin)
        scope, fields = await self._credentials.of_order(DAT, order)
        question = Question(vin, restriction, _locale_key(locale := self._locale(order)))
        if not refresh and (found := await self._kept(question)) is not None:
            return found
        flight = self._flights.get(question)
        if flight is None:
            asking = self._ask(question, locale, restriction, scope, fields, refresh=refresh)
            flight = self._flights[question] = asyncio.create_task(asking, name=f"DAT {vin}")
            flight.add_done_callback(lambda task: self._landed(question))
        return await asyncio.shield(flight)

    async def evaluate(
        self, chosen: Chosen, order: Order, *, mileage: int, registered: date, taxation: Taxation | None = None
    ) -> Evaluation:
        """What an identified vehicle is worth, with the special equipment that it was identified with. Raises
        `Refused` of kind `not-identified`, `NoCredential`, and the partner's errors."""
        if chosen.construction_time is None or not chosen.container or chosen.datecode.endswith("0000"):
            raise Refused(
                N_("DAT couldn't identify this vehicle completely, so it can't be valued."), kind="not-identified"
            )
        scope, fields = await self._credentials.of_order(DAT, order)
        client, login = self._ready(fields)
        wanted = Valuation(
            datecode=chosen.datecode,
            container=chosen.container,
            construction_time=chosen.construction_time,
            mileage=mileage,
            registered=registered,
            extras=chosen.extras or (),
            vin=chosen.vin if is_vin(chosen.vin) else "",
            taxation=taxation,
        )
        locale = self._locale(order)
        try:
            found = await client.evaluate(login, wanted, locale)
        except NeedsToken:
            if await client.is_wrong(login, locale, refused_for="valuation"):
                await self._credentials.note_use(DAT, scope, "refused")
            raise
        await self._credentials.note_use(DAT, scope, "ok")
        return found

    async def verify(self, fields: Mapping[str, str]) -> Verified:
        """Try a login; costs nothing. Raises the partner's errors."""
        client, login = self._ready(fields)
        return await client.verify(login, self._locale(Order()))

    async def asked_today(self, vin: str) -> int:
        return await self._db.read(lambda tx: identifications.counted(tx, vin, self._today()))

    async def close(self) -> None:
        """End what is under way; safe to call twice."""
        self._closed = True
        flights = list(self._flights.values())
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)
        clients, self._retired = self._retired, []
        if self._client is not None:
            clients.append(self._client[1])
            self._client = None
        for client in clients:
            await client.close()

    async def _ask(
        self,
        question: Question,
        locale: Locale,
        restriction: Restriction,
        scope: str,
        fields: Mapping[str, str],
        *,
        refresh: bool,
    ) -> Found:
        """The one who really asks. Another one may have just before: so the kept answers are looked at again."""
        if not refresh and (found := await self._kept(question)) is not None:
            return found
        client, login = self._ready(fields)
        asked = 0

        async def count() -> None:
            nonlocal asked
            asked = await self._db.write(lambda tx: self._count(tx, question.vin))

        try:
            answer = await client.identify(login, question.vin, locale, restriction=restriction, before=count)
        except NeedsToken:
            if await client.is_wrong(login, locale, refused_for="identification"):
                await self._credentials.note_use(DAT, scope, "refused")
            raise
        except UnreadAnswer as error:
            raise await self._keep_unread(question, error) from None
        at = self._clock.now()
        await self._keep(question, answer)
        await self._credentials.note_use(DAT, scope, "ok")
        return Found(question.vin, answer, at, False, asked)

    async def _kept(self, question: Question) -> Found | None:
        since = self._clock.now() - KEPT

        def read(tx: Tx) -> Found | None:
            found = identifications.find(tx, question, since)
            if found is None:
                return None
            asked = identifications.counted(tx, question.vin, self._today())
            return Found(question.vin, _decode(found.text), found.at, True, asked)

        return await self._db.read(read) or await self._kept_unread(question, since)

    async def _kept_unread(self, question: Question, since: datetime) -> Found | None:
        """An answer that couldn't be read is read once more, since a later version may be able to. Raises `Refused`
        if it still can't be: asking again would be paid for again."""
        unread = await self._db.read(lambda tx: identifications.find_unread(tx, question, since))
        if unread is None:
            return None
        try:
            answer = await asyncio.to_thread(read_answer, unread.content, unread.charset)
        except (WireError, FaultError):
            raise _unread(question, unread.at, unread.reason) from None
        await self._keep(question, answer)
        return Found(question.vin, answer, unread.at, True, await self.asked_today(question.vin))

    async def _keep_unread(self, question: Question, error: UnreadAnswer) -> Exception:
        """Keep what came, and the error to raise."""
        reason, at = str(error)[:300], self._clock.now()
        log.warning("An answer of DAT can't be read: %s", reason)
        try:
            await self._db.write(
                lambda tx: identifications.put_unread(tx, question, reason, error.charset, error.content)
            )
        except Exception:
            log.exception("An answer of DAT couldn't be kept; the next question costs again")
            return error
        return _unread(question, at, reason)

    async def _keep(self, question: Question, answer: Identification) -> None:
        """An answer that can't be kept is still an answer, and paid for."""
        try:
            text = await asyncio.to_thread(lambda: msgspec.json.encode(answer).decode())
            await self._db.write(lambda tx: identifications.put(tx, question, text))
        except Exception:
            log.exception("An answer of DAT couldn't be kept; the next question costs again")

    def _count(self, tx: Tx, vin: str) -> int:
        day = self._today()
        asked = identifications.count(tx, vin, day, LIMIT)
        if asked is None:
            raise Refused(
                N_(
                    "{vin} was asked for {limit} times today. One more query would lock it at DAT; ask again tomorrow.",
                    vin=vin, limit=LIMIT,
                ),
                kind="vin-limit",
                facts={"limit": LIMIT, "day": day.isoformat()},
            )  # fmt: skip
        return asked

    def _today(self) -> date:
        return self._clock.now().astimezone(HOME).date()

    def _locale(self, order: Order) -> Locale:
        """Of the order's office, else of the first one; not of whoever asks: each language is a question of its own."""
        config = self._config()
        site = next((one for one in config.sites if one.id == order.office), None) or next(iter(config.sites), None)
        return Locale.of((site and site.language) or config.language, site.country if site else "DE")

    def _ready(self, fields: Mapping[str, str]) -> tuple[Dat, Login]:
        """The client for the settings in force, and the login."""
        if self._closed:
            raise Unavailable(N_("The service is stopping."), kind="stopping")
        settings = self._config().connectors.get(DAT, ConnectorSettings())
        if not settings.enabled:
            raise Unavailable(
                N_("DAT is switched off in wtpd.yaml (connectors.{connector}.enabled).", connector=DAT), kind="disabled"
            )
        if self._client is None or self._client[0] != settings:
            if self._client is not None:
                self._retired.append(self._client[1])  # something may be under way
            self._client = settings, self._make(settings)
        return self._client[1], login_of(fields)

    def _make(self, settings: ConnectorSettings) -> Dat:
        address, by_address = split(settings.address or ADDRESS)
        wanted = settings.products
        product = named(wanted.identification) if wanted.identification else by_address or DATECODE
        valuation = named(wanted.valuation) if wanted.valuation else FINANCE
        http = PartnerHttp(
            address,
            connect_timeout=seconds(settings.connect_timeout),
            read_timeout=seconds(settings.read_timeout),
            total_timeout=seconds(settings.total_timeout),
            calls_at_once=settings.calls_at_once,
            size_limit=ANSWER_LIMIT,
            clock=self._clock,
        )
        return Dat(http, product, valuation=valuation, monotonic=self._clock.monotonic)

    def _landed(self, question: Question) -> None:
        flight = self._flights.pop(question)
        if not flight.cancelled():
            flight.exception()  # told to whoever still waits; nobody may


def _checked(vin: str) -> str:
    found = normalise_vin(vin)
    wrong = None if is_short_vin(found) else vin_problem(found)
    if wrong is not None:
        raise Invalid(wrong, problems=[Problem("vin", wrong)])
    return found


def _unread(question: Question, at: datetime, reason: str) -> Refused:
    return Refused(
        N_(
            "DAT answered about {vin}, which is paid for, but the answer can't be read ({reason}). It is kept. Asking "
            "again with refresh would cost again.",
            vin=question.vin, reason=reason,
        ),
        kind="unread-answer",
        facts={"at": at.isoformat()},
    )  # fmt: skip


def _locale_key(locale: Locale) -> str:
    return f"{locale.language}-{locale.country}/{locale.market}"
