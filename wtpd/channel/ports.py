"""Where a channel keeps what it must remember: the rows of the store, in transactions. Engines have more in theirs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from wtpd.channel.records import Halt, RunRecord

T = TypeVar("T")


class ChannelRows(Protocol):
    def halt(self, channel: str) -> Halt: ...

    def set_halt(self, channel: str, halt: Halt) -> None: ...

    def tell_state(self, channel: str, state: str) -> None:
        """Emit an event, so that whoever looks on sees the change."""
        ...

    def record(self, record: RunRecord) -> None: ...


class ChannelSession(Protocol):
    """One transaction; it isn't async."""

    @property
    def channels(self) -> ChannelRows: ...


S = TypeVar("S", bound=ChannelSession, covariant=True)


class Transactions(Protocol[S]):
    async def read(self, work: Callable[[S], T]) -> T: ...

    async def write(self, work: Callable[[S], T]) -> T: ...
