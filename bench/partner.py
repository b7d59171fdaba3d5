"""SUPERSERVICE as fast as this machine allows: it answers by the contract and keeps nothing.

`python -m bench.partner` prints its port. `GET /arrivals` gives, and forgets, when (CLOCK_MONOTONIC, seconds) each
write came in; `POST /feed/N` makes N changes for the feed.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

from bench.dealership import A_DAY, ACCOUNT, START
from wtpd.clock import iso

_numbers = itertools.count(1)
_arrivals: list[float] = []
_feed: list[dict[str, Any]] = []
_waiting: set[asyncio.Future[None]] = set()


class Partner(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._data = b""

    def data_received(self, data: bytes) -> None:
        self._data += data
        while (end := self._data.find(b"\r\n\r\n")) >= 0:
            head = self._data[:end]
            _, found, rest = head.lower().partition(b"content-length:")
            whole = end + 4 + (int(rest.partition(b"\r\n")[0]) if found else 0)
            if len(self._data) < whole:
                return
            self._data = self._data[whole:]
            method, target, _ = head.partition(b"\r\n")[0].decode().split(" ")
            self._answer(method, target)

    def _answer(self, method: str, target: str) -> None:
        path, _, query = target.partition("?")
        if method == "POST" and path.endswith("/appointments"):
            _arrivals.append(time.monotonic())
            number = next(_numbers)
            self._send(201, {"id": f"A{number}", "version": 1, "links": {"menus": f"https://menus.example/{number}"}})
        elif path.endswith("/changes"):
            self._changes(parse_qs(query))
        elif path.endswith("/token"):
            self._send(200, {"access_token": "bench", "token_type": "Bearer", "expires_in": 86400})
        elif method == "GET" and path == f"/v1/dealers/{ACCOUNT}":
            self._send(200, {"dealerNumber": ACCOUNT, "name": "Autohaus Rostock", "brand": "NISSAN", "rights": []})
        elif method == "GET" and path.endswith("/appointments"):
            self._send(200, {"items": []})
        elif path == "/arrivals":
            self._send(200, {"at": _arrivals})
            _arrivals.clear()
        elif path.startswith("/feed/"):
            _feed.extend(_change(len(_feed) + n) for n in range(int(path.rpartition("/")[2])))
            for future in list(_waiting):
                _release(future)
            self._send(200, {})
        elif method in ("PATCH", "POST"):
            _arrivals.append(time.monotonic())
            self._send(200, {"id": path.rsplit("/", 1)[-1], "version": 2})
        else:
            self._send(404, {})

    def _changes(self, query: dict[str, list[str]]) -> None:
        start = int(query.get("cursor", ["c0"])[0][1:])
        wait = float(query.get("wait", ["0"])[0])
        if not wait or start < len(_feed):
            self._page(start, query)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        _waiting.add(future)
        timer = asyncio.get_running_loop().call_later(wait, _release, future)

        def answer(_: asyncio.Future[None]) -> None:
            timer.cancel()
            _waiting.discard(future)
            self._page(start, query)

        future.add_done_callback(answer)

    def _page(self, start: int, query: dict[str, list[str]]) -> None:
        end = min(start + int(query.get("limit", ["100"])[0]), len(_feed))
        self._send(200, {"items": _feed[start:end], "nextCursor": f"c{max(start, end)}", "hasMore": end < len(_feed)})

    def _send(self, status: int, value: Any) -> None:
        body = json.dumps(value).encode()
        head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self._transport.write(head.encode() + body)


def _release(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _change(number: int) -> dict[str, Any]:
    drop_off = START + timedelta(days=number // A_DAY, minutes=10 * (number % A_DAY))
    return {
        "seq": number + 1,
        "changedBy": "dealer",
        "appointment": {
            "id": f"F{number}",
            "version": 1,
            "status": "BOOKED",
            "createdBy": "dealer",
            "dropOffTime": iso(drop_off),
            "collectionTime": iso(drop_off + timedelta(hours=3)),
            "notes": "Räder wechseln",
            "jobs": [{"code": "R1", "title": "Räder", "labourUnits": 6}],
            "customer": {
                "firstName": "Erika",
                "lastName": f"Muster{number}",
                "contact": {"email": f"erika{number}@example.org", "mobile": f"+49171{number:07}"},
            },
            "vehicle": {"registrationPlate": f"HRO-X {number}", "vin": f"VSSYYY{number:011}", "make": "NISSAN"},
        },
    }


async def serve() -> None:
    server = await asyncio.get_running_loop().create_server(Partner, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def partner() -> Iterator[str]:
    """The address of such a partner, in a process of its own."""
    with subprocess.Popen([sys.executable, "-m", "bench.partner"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()


if __name__ == "__main__":
    asyncio.run(serve())
