"""Draws the curtain over names, plates and numbers: by a key, and by itself when nobody types."""

from __future__ import annotations

import time

from textual.widgets import Input

from wtpd.texts import N_
from wtpd.tui.page import page_of, pages_of
from wtpd.tui.shell import Shell
from wtpd.tui.widgets.dialogs import Read
from wtpd.tui.widgets.fields import Filling

IDLE = 300.0
"""Seconds without a key after which it is drawn."""


class Curtain:
    def __init__(self, app: Shell) -> None:
        self._app = app
        self.touched = time.monotonic()
        """When the last key was pressed."""

    def turn(self) -> None:
        self._draw(not self._app.session.privacy.on)

    def look(self) -> None:
        """Is somebody there?"""
        if time.monotonic() - self.touched > IDLE and not self._app.session.privacy.on:
            self._draw(True)
            self._app.tell(N_("Nothing was pressed for 5 minutes: names and plates are hidden. F9 shows them."))

    def _draw(self, on: bool) -> None:
        """What is seen is drawn anew, what was typed too; a hidden page is drawn when it is looked at."""
        app = self._app
        app.session.privacy.on = on
        app.redraw_bars()
        page = page_of(app)
        if page is not None and page.loaded:
            page.draw()
            page.refresh()
        for screen in {*pages_of(app), *app.screen_stack}:
            if isinstance(screen, Read):
                screen.fill()
            for field in screen.query(Input):
                field.password = on or (isinstance(field.parent, Filling) and field.parent.field.form == "secret")
