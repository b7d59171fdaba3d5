"""The border of durable calls: where they are kept, and who knows how to make and settle each kind.

Everything in a `Session` runs inside one transaction of the store, so it isn't async.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar

from wtpd.calls.records import Call, Settled
from wtpd.channel.errors import PartnerError
from wtpd.texts import Text

T = TypeVar("T")
S = TypeVar("S", bound="Session")
S_co = TypeVar("S_co", bound="Session", covariant=True)
S_contra = TypeVar("S_contra", bound="Session", contravariant=True)
A = TypeVar("A")


class CallsPort(Protocol):
    """The calls that aren't settled, inside one transaction."""

    def add(self, call: Call) -> None:
        """Store a call that is to be made; its channel's loop is woken after the commit."""
        ...

    def get(self, key: str) -> Call | None:
        """An open call."""
        ...

    def due(self, channel: str, *, limit: int) -> Sequence[Call]:
        """The open calls that may be made now, oldest first."""
        ...

    def next_due(self, channel: str) -> datetime | None:
        """When the next open call may be made; None if there is none."""
        ...

    def begin(self, key: str) -> None:
        """The call is about to be made: from now on the partner may know of it."""
        ...

    def defer(self, key: str, until: datetime, error: Text | str) -> None: ...

    def hurry(self, channel: str) -> None:
        """Nothing waits out its delay."""
        ...

    def withdraw(self, key: str) -> None:
        """Nobody wants it any more."""
        ...

    def settle(self, key: str, settled: Settled, error: Text | str | None = None) -> None:
        """It is over; it is kept for the trace."""
        ...


class Session(Protocol):
    """One transaction. The time is that of the transaction."""

    @property
    def now(self) -> datetime: ...

    @property
    def calls(self) -> CallsPort: ...


class Transactions(Protocol[S_co]):
    async def read(self, work: Callable[[S_co], T]) -> T: ...

    async def write(self, work: Callable[[S_co], T]) -> T: ...


class Kind(Protocol[S_contra]):
    """A kind of call. `make` and `look` raise only the errors of `wtpd.channel.errors`.

    `done`, `refused` and `withdrawn` are called in the transaction that settles the call; the next step of a saga is
    added in it (`session.calls.add`), so that a kill leaves the saga at one step or at the next. A call that was
    withdrawn too late is `done` with `is_withdrawn`."""

    async def make(self, call: Call) -> Any:
        """Ask for it, and return the partner's answer. Repeated with the same key and body it does nothing twice."""
        ...

    async def look(self, call: Call) -> Any | None:
        """What came of a request whose answer was lost, in the form of `make`; None: the partner knows nothing of
        it. Whatever it raises, nothing is known, and it is looked up again later."""
        ...

    def done(self, session: S_contra, call: Call, answer: Any) -> None: ...

    def refused(self, session: S_contra, call: Call, error: PartnerError) -> None: ...

    def withdrawn(self, session: S_contra, call: Call) -> None: ...
