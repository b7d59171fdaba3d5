"""The app's tie to the daemon: who we are there, whether something is wrong, and the event stream, which is found again
after a restart (spec: tui.md, habits)."""

from __future__ import annotations

import asyncio

from wtpd.client import ApiProblem, ClientError, Event, Json, Unreachable
from wtpd.texts import N_, Text
from wtpd.tui.background import background
from wtpd.tui.page import pages_of, sentence
from wtpd.tui.presence import Presence
from wtpd.tui.shell import Shell
from wtpd.words import IMPORT_PHASES

AGAIN = 5.0
"""Seconds until a stream that was refused is asked for again."""
GATHER = 0.3
"""Seconds in which events are gathered before it is asked anew whether something is wrong."""
STATUS_AFTER = ("channel.", "attention.", "config.", "credentials.", "run.finished", "mail.", "reset")
"""Events after which the top line may be wrong."""


def import_flag(progress: Json) -> Text | None:
    """What the top line says of an import that is under way; None when it is over."""
    phase = IMPORT_PHASES.get(str(progress.get("phase")))
    if phase is None:
        return None
    done, total = progress.get("done") or 0, progress.get("total") or 0
    if not total:
        return N_("import: {phase}", phase=phase)
    return N_("import: {phase}, {percent} %", phase=phase, percent=min(100, done * 100 // total))


class Live:
    """Sets `reached`, `problems` and the session of `app`, and hands events on."""

    def __init__(self, app: Shell, presence: Presence) -> None:
        self._app = app
        self._presence = presence
        self._asking = False
        self._greeted = False

    async def run(self) -> None:
        """Until it is cancelled."""
        session = self._app.session
        background(self._app, self._greet, "greet")
        while True:
            with self._app.mishaps.reported():
                try:
                    async for event in session.api.events(client=session.client_id, connected=self._connected):
                        with self._app.mishaps.reported():
                            self._heard(event)
                except ApiProblem:
                    self._connected(False)
            await asyncio.sleep(AGAIN)

    async def _greet(self) -> None:
        """Who we are, and which sites there are; asked again after each reconnection."""
        app, session = self._app, self._app.session
        try:
            session.me = await session.api.session()
            session.sites = await session.api.sites()
        except Unreachable:
            self._reach(False)
            return
        except ApiProblem as error:
            app.tell(sentence(error), "bad")
            return
        self._reach(True)
        session.formats.home = next((one["time_zone"] for one in session.sites), None)
        if not session.site and session.sites:
            session.site = str(session.sites[0]["id"])
        await self._ask_status()
        for page in pages_of(app):
            page.refresh_bindings()
        if session.wants_initials and not self._greeted:
            app.action_initials()
        self._greeted = True

    def _connected(self, up: bool) -> None:
        app = self._app
        came_back = up and not app.reached
        self._reach(up)
        if came_back or (up and app.session.me is None):
            background(app, self._greet, "greet")
            for page in pages_of(app):
                page.stale()
            if came_back:
                app.tell(N_("The daemon is back."), "ok")

    def _reach(self, up: bool) -> None:
        if up != self._app.reached:
            self._app.reached = up
            self._app.importing = None  # the daemon tells it again
            self._app.redraw_bars()

    def _heard(self, event: Event) -> None:
        """An event of the daemon, for whom it concerns."""
        if event.kind == "presence.changed":
            self._presence.heard(event.data)
        elif event.kind == "import.progress":
            self._app.note_import(import_flag(event.data))
        for page in pages_of(self._app):
            page.heard(event)
        if event.kind.startswith(STATUS_AFTER) and not self._asking:
            self._asking = True
            self._app.set_timer(GATHER, self._ask_now)

    def _ask_now(self) -> None:
        self._asking = False
        if not getattr(self._app.screen, "NOTES_PROBLEMS", False):
            background(self._app, self._ask_status, "status")

    async def _ask_status(self) -> None:
        try:
            status = await self._app.session.api.status()
        except ClientError:
            return  # it is asked again when the connection is back
        self._app.note_problems(status["problems"])
