"""The event stream of the daemon, resumed by itself."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from wtpd.client.http import Http, Json, problem_of

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 5.0
"""Seconds between two tries to reach a daemon that went away; doubled each time."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event of the stream; `id` resumes behind it."""

    id: str
    kind: str
    data: Json = field(default_factory=dict)


async def follow(
    http: Http, last_id: str | None, kinds: str, connected: Callable[[bool], None]
) -> AsyncIterator[Event]:
    """See `Client.events`."""
    import httpx

    pause = FIRST_PAUSE
    while True:
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last_id} if last_id else {})
        try:
            # No time limit: a daemon that dies closes the socket, and nothing happens at night.
            async with http.pool().stream(
                "GET", "/v1/events", params={"kinds": kinds} if kinds else None, headers=headers, timeout=None
            ) as response:
                if not response.is_success:
                    await response.aread()
                    raise problem_of(response)
                connected(True)
                pause = FIRST_PAUSE
                async for event in parse(response.aiter_lines()):
                    last_id = event.id or last_id
                    yield event
        except httpx.HTTPError:
            pass  # the daemon restarts: the next turn finds it again
        connected(False)
        await asyncio.sleep(pause)
        pause = min(LONGEST_PAUSE, pause * 2)


async def parse(lines: AsyncIterator[str]) -> AsyncIterator[Event]:
    """Server-sent events (WHATWG HTML, 9.2.6) out of lines; an event that is cut off is dropped."""
    last_id, kind, data = "", "message", ""
    async for line in lines:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data:
                yield Event(last_id, kind, json.loads(data))
            kind, data = "message", ""
        elif name == "id":
            last_id = value
        elif name == "event":
            kind = value
        elif name == "data":
            data = f"{data}\n{value}" if data else value
