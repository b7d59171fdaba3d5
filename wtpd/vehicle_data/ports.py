"""The border of vehicle data: what a source must offer, and where its answers are kept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal, Protocol

from wtpd.channel.errors import PartnerBroken
from wtpd.texts import Text
from wtpd.vehicle_data.records import Evaluation, Identity, Kept, Place, Query, Question, Reply, Unread, Valuation

Before = Callable[[], Awaitable[None]]
"""Called before each request that counts, also before a repeated one; what it raises stops the call."""


class UnreadAnswer(PartnerBroken):
    """A source answered a query that costs money, and the answer can't be read. `content`: the answer as it came, in
    the encoding `charset` if the header named one; nothing of one that was larger than the limit."""

    def __init__(self, message: str, content: bytes, charset: str | None) -> None:
        super().__init__(message)
        self.content = content
        self.charset = charset


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What a source can do, and how its answers are kept.

    `is_public`: it wants no login. `kept`: how long an answer counts; `keeps_unknown`: one without candidates, too.
    `limit_per_day`: queries of one subject on a day, None for any number; the days are those of `zone`."""

    by_vin: bool = False
    by_plate: bool = False
    values: bool = False
    is_public: bool = False
    keeps_unknown: bool = True
    kept: timedelta = timedelta(days=30)
    limit_per_day: int | None = None
    zone: str = "Europe/Berlin"


class VehicleDataSource(Protocol):
    """Someone who knows vehicles. `secrets` are the fields of the entry in the credential store; all calls raise the
    errors of `wtpd.channel.errors`. A method that `traits` rules out isn't called."""

    @property
    def traits(self) -> Traits: ...

    def locale(self, place: Place) -> str:
        """Key of the language and market in which it answers for `place`."""
        ...

    async def identify(self, secrets: Mapping[str, str], query: Query, place: Place, *, before: Before) -> Reply:
        """The vehicles that the query may stand for. `before` is awaited before each request that counts. Raises
        `UnreadAnswer`, too."""
        ...

    def read(self, text: str) -> Identity:
        """The identity in a kept answer; pure. An answer that an earlier version kept is read, too."""
        ...

    def read_raw(self, content: bytes, charset: str | None) -> Reply | None:
        """An answer that couldn't be read before, read once more; None if it still can't be."""
        ...

    async def evaluate(self, secrets: Mapping[str, str], vehicle: Valuation, place: Place) -> Evaluation:
        """What the vehicle is worth today. Raises `Refused` of kind `not-identified` for one that isn't complete."""
        ...

    async def is_refused(
        self, secrets: Mapping[str, str], place: Place, *, at: Literal["identification", "valuation"]
    ) -> bool:
        """Whether a login that was refused for one ability is wrong, so that it is good for nothing."""
        ...

    async def close(self) -> None: ...


Asked = Literal["identify", "value"]
Outcome = Literal["ok", "refused", "failed"]


class Answers(Protocol):
    """Answers and counts of queries on disk; each method is one transaction."""

    async def kept(self, question: Question, since: datetime) -> Kept | None: ...

    async def keep(self, question: Question, text: str) -> None:
        """In the place of the answer before."""
        ...

    async def unread(self, question: Question, since: datetime) -> Unread | None: ...

    async def keep_unread(self, question: Question, reason: str, charset: str | None, content: bytes) -> None: ...

    async def count(self, source: str, subject: str, day: date, limit: int) -> int | None:
        """One more query on that day: how many it is now; None if there were `limit` already."""
        ...

    async def told(self, source: str, asked: Asked, subject: str, outcome: Outcome, reason: Text | str) -> None:
        """Keep for the trace that a question was put to a source, and how that ended."""
        ...

    async def counted(self, source: str, subject: str, day: date) -> int: ...
