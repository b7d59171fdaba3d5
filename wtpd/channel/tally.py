"""Counts the calls to partners that are made on behalf of a piece of work, whatever connector makes them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class Tally:
    """`calls` only grows."""

    def __init__(self) -> None:
        self.calls = 0


_tally: ContextVar[Tally | None] = ContextVar("tally", default=None)


@contextmanager
def counting() -> Iterator[Tally]:
    """Count what this task, and the tasks that it begins, call meanwhile."""
    tally = Tally()
    token = _tally.set(tally)
    try:
        yield tally
    finally:
        _tally.reset(token)


def count_call() -> None:
    """A call is made; said by the client that makes it."""
    tally = _tally.get()
    if tally is not None:
        tally.calls += 1
