"""One key after the other, each with all that it does.

Textual hands keys on at once: of `:priv` that arrives in one packet, as slow lines deliver it, the letters would go to
the screen below while the palette is still being opened, and a backspace would act after the letters typed behind it.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from textual import events
from textual.message_pump import MessagePump

from wtpd.tui.shell import Shell

PATIENCE = 0.5
"""Seconds that the next key waits for one that makes something long."""


class Keyboard:
    """What was typed and pasted, waiting for its turn."""

    def __init__(self, app: Shell) -> None:
        self._app = app
        self._typed: asyncio.Queue[events.Key | events.Paste] = asyncio.Queue()

    def put(self, typed: events.Key | events.Paste) -> None:
        self._typed.put_nowait(typed)

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            self._app.post_message(await self._typed.get())
            with self._app.mishaps.reported(), suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    await self._done()

    async def _done(self) -> None:
        """Until the key went from what has the focus up to the app, and what it opened is there and has the focus."""
        app = self._app
        await _reached(app)
        node: MessagePump | None = app.focused
        while node is not None and node is not app:
            await _reached(node)
            node = node._parent
        await _reached(app)
        await _reached(app.screen)
        await _reached(app)


async def _reached(pump: MessagePump) -> None:
    """Until it has worked off what it was told before now."""
    there = asyncio.Event()
    if pump.call_later(there.set):
        await there.wait()
