"""The abilities of a channel at its partner, each of which may need a right of its own (superservice.md)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from wtpd.channel.errors import Ability, MissingRight
from wtpd.clock import Clock


class Rights:
    """Remembers which rights the partner refused. An ability without its right pauses and is tried again at the
    channel's interval (seconds); the other abilities go on."""

    def __init__(self, interval: float, clock: Clock) -> None:
        self._interval = interval
        self._clock = clock
        self._missing: dict[Ability, tuple[MissingRight, float]] = {}

    @property
    def missing(self) -> Sequence[MissingRight]:
        """The rights that were refused when they were last needed."""
        return [error for error, _ in self._missing.values()]

    def may(self, ability: Ability) -> bool:
        """Whether the ability is to be tried now."""
        refused = self._missing.get(ability)
        return refused is None or self._clock.monotonic() >= refused[1]

    def try_all(self) -> None:
        """Somebody may have granted the rights: let the next run try every ability."""
        now = self._clock.monotonic()
        self._missing = {ability: (error, now) for ability, (error, _) in self._missing.items()}

    @contextmanager
    def using(self, ability: Ability) -> Iterator[None]:
        """Remember the right that the block turns out to lack; a block that ends well shows that it is there."""
        try:
            yield
        except MissingRight as error:
            # Half of the interval keeps bursts of local changes away, and jitter can't make it skip a full run.
            self._missing[error.ability] = (error, self._clock.monotonic() + self._interval / 2)
        else:
            self._missing.pop(ability, None)
