"""Work of the daemon that doesn't succeed by a fault of its own: shown in status until it succeeds again.

The journal has the traceback; without this nobody would look there.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from wtpd.clock import Clock
from wtpd.errors import WtpdError
from wtpd.texts import N_, Text

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """`what` doesn't succeed since `since`, because of `reason`."""

    what: Text
    reason: Text
    since: datetime


class Failures:
    """Failures by name. `on_change` is called when the first one of a name came, or the last one went."""

    def __init__(self, clock: Clock, on_change: Callable[[], None] = lambda: None) -> None:
        self._clock = clock
        self._on_change = on_change
        self._open: dict[str, Failure] = {}

    @property
    def open(self) -> Sequence[Failure]:
        """The oldest first."""
        return sorted(self._open.values(), key=lambda one: one.since)

    def failed(self, name: str, what: Text, error: Exception) -> None:
        """`what` failed; a trouble of the disk is logged in a line, a fault of our own with its traceback."""
        known = isinstance(error, WtpdError)
        log.error("%s: failed%s", name, f": {error}" if known else "", exc_info=None if known else error)
        before = self._open.get(name)
        failure = Failure(what=what, reason=_reason(error), since=self._clock.now())
        self._open[name] = replace(failure, since=before.since) if before else failure
        if before is None:
            self._on_change()

    def succeeded(self, name: str) -> None:
        if self._open.pop(name, None) is not None:
            log.info("%s: succeeds again", name)
            self._on_change()

    def only(self, prefix: str, names: set[str]) -> None:
        """Of the names that begin with `prefix`, only `names` fail still."""
        for name in [one for one in self._open if one.startswith(prefix) and one not in names]:
            self.succeeded(name)


def _reason(error: Exception) -> Text:
    if isinstance(error, WtpdError):
        return error.text
    return N_("wtpd stumbled over an error of its own ({error})", error=type(error).__name__)
