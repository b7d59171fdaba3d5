"""What is said when we made a mistake: where it was, without what people had typed; Textual's own shows variables."""

from __future__ import annotations

import traceback
from collections.abc import Iterable

from textual.worker import WorkerFailed

SHORTEST = 3
"""Letters of what was typed that are looked for in the message."""


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
