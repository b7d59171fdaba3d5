"""The least that can answer `GET …/<id>` from the same row: a bare asyncio.Protocol over sqlite3.

`python -m bench.bare_api DATABASE SOCKET` prints a line once it listens.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys

import msgspec

_encode = msgspec.json.Encoder().encode


class Bare(asyncio.Protocol):
    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        target = data.split(b" ", 2)[1].decode()
        row = self._database.execute("SELECT * FROM appointment WHERE id = ?", (target.rsplit("/", 1)[1],)).fetchone()
        body = _encode(dict(row))
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self._transport.write(head.encode() + body)


async def serve(database: str, path: str) -> None:
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    server = await asyncio.get_running_loop().create_unix_server(lambda: Bare(connection), path)
    print("listening", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:3]))
