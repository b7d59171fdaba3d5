"""The daemon's event stream, for as long as the app runs; it is found again after a restart (spec: tui.md, habits)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from wtpd.client import ApiProblem, Client, Event

AGAIN = 5.0
"""Seconds until a stream that was refused is asked for again."""


class Live:
    """`heard` is told each event, `connected` each time the stream comes or goes."""

    def __init__(
        self, api: Client, client_id: str, *, heard: Callable[[Event], None], connected: Callable[[bool], None]
    ) -> None:
        self._api = api
        self._client_id = client_id
        self._heard = heard
        self._connected = connected

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            try:
                async for event in self._api.events(client=self._client_id, connected=self._connected):
                    self._heard(event)
            except ApiProblem:
                self._connected(False)
            await asyncio.sleep(AGAIN)
