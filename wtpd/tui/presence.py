"""Two people who edit the same thing see each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from wtpd.client import ClientError
from wtpd.tui.background import background
from wtpd.tui.shell import Shell

Tell = Callable[[Sequence[str]], None]
"""Is told who else is editing."""


class Presence:
    """What is being edited at this terminal. After a lost connection the client says it again by itself."""

    def __init__(self, app: Shell) -> None:
        self._app = app
        self._editing: dict[str, Tell] = {}

    def begin(self, what: str, tell: Tell) -> None:
        """Others who edit `what` see that we do, and `tell` is told who they are."""
        self._editing[what] = tell
        self._announce(what)

    def end(self, what: str) -> None:
        self._editing.pop(what, None)
        self._announce(next(reversed(self._editing), None))

    def heard(self, data: Mapping[str, Any]) -> None:
        """`presence.changed`"""
        others = [one for one in data["people"] if one["client"] != self._app.session.client_id]
        self._tell(str(data["what"]), others)

    def _announce(self, what: str | None) -> None:
        background(self._app, partial(self._put, what), "presence", exclusive=False)

    async def _put(self, what: str | None) -> None:
        session = self._app.session
        try:
            others = await session.api.presence.put(session.client_id, what, editing=True)
        except ClientError:
            return
        if what is not None:
            self._tell(what, others)

    def _tell(self, what: str, others: Sequence[Mapping[str, Any]]) -> None:
        if what in self._editing:
            self._editing[what]([str(one["who"]) for one in others if one["editing"]])
