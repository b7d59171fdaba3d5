"""Our own mistakes: what is said of one that ended the app, and how the app survives the others. Neither says what
people had typed; Textual's own report shows variables."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from textual.worker import WorkerFailed

from wtpd.texts import N_, Text

SHORTEST = 3
"""Letters of what was typed that are looked for in the message."""
MOST = 100
"""Different mishaps that are logged; a mistake in a loop doesn't fill the log."""
SURVIVED = N_("wtpd tui made a mistake and goes on; it stands in the system's log. Please report it.")

log = logging.getLogger("wtpd.tui")


def report(error: BaseException, typed: Iterable[str] = ()) -> str:
    """The traceback, without variables. What was `typed` into the fields of the screen isn't in it either: messages of
    errors like to quote what they choke on."""
    if isinstance(error, WorkerFailed):
        error = error.error
    text = "".join(traceback.format_exception(error))
    for one in sorted(set(typed), key=len, reverse=True):
        if len(one.strip()) >= SHORTEST:
            text = text.replace(one.strip(), "***")
    return text


class Mishaps:
    """Unexpected errors that the app survives: each is logged once and said in the message line. `typed`: the values
    of the fields that are open; `tell`: says a sentence."""

    def __init__(self, typed: Callable[[], Iterable[str]], tell: Callable[[Text, str], None]) -> None:
        self._typed, self._tell = typed, tell
        self._logged: set[str] = set()

    @contextmanager
    def reported(self) -> Iterator[None]:
        """An error within ends what is within, and nothing else."""
        try:
            yield
        except Exception as error:
            text = report(error, self._typed())
            if text not in self._logged and len(self._logged) < MOST:
                self._logged.add(text)
                log.error("unexpected error:\n%s", text.rstrip())
            self._tell(SURVIVED, "bad")
