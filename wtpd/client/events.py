"""The event stream of the daemon, resumed by itself."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from wtpd.client.http import Http, Json, problem_of, target
from wtpd.client.wire import Answer, Broken, NotConnected

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 5.0
"""Seconds between two tries to reach a daemon that went away; doubled each time."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event of the stream; `id` resumes behind it. One that isn't kept (`presence.changed`, `log.line`) has the id
    of the last one that is."""

    id: str
    kind: str
    data: Json = field(default_factory=dict)


async def follow(
    http: Http,
    last_id: str | None,
    kinds: str,
    client: str,
    connected: Callable[[bool], None],
    back: Callable[[str], Awaitable[None]],
) -> AsyncIterator[Event]:
    """See `Client.events`."""
    pause = FIRST_PAUSE
    path = target("/v1/events", {"kinds": kinds or None, "client": client or None})
    while True:
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last_id} if last_id else {})
        try:
            # No time limit: a daemon that dies closes the socket, and nothing happens at night.
            async with http.wire.stream(path, headers=headers) as (answer, lines):
                if not answer.ok:
                    content = "\n".join([line async for line in lines]).encode()
                    raise problem_of(Answer(answer.status, answer.headers, content))
                if client:
                    await back(client)
                connected(True)
                pause = FIRST_PAUSE
                async for event in parse(lines):
                    last_id = event.id or last_id
                    yield event
        except (NotConnected, Broken):
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
