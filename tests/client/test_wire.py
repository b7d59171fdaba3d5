"""HTTP over the socket, byte by byte: what the other side may send, and what becomes of a connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from wtpd.client.wire import Broken, NotConnected, Wire

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
Script = Callable[[bytes], bytes | None]


@dataclass
class Peer:
    """Answers each request with the next of `answers`; None hangs up. `heads` of the requests, and the connections."""

    path: str
    answers: list[bytes | None]
    heads: list[str] = field(default_factory=list)
    connections: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while self.answers:
            try:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            except asyncio.IncompleteReadError:
                break
            for line in head.split("\r\n"):
                if line.lower().startswith("content-length:"):
                    await reader.readexactly(int(line.partition(":")[2]))
            self.heads.append(head)
            answer = self.answers.pop(0)
            if answer is None:
                break
            writer.write(answer)
            await writer.drain()
            if b"until the end" in answer:
                break
        writer.close()


@asynccontextmanager
async def talking(folder: Path, *answers: bytes | None) -> AsyncIterator[tuple[Wire, Peer]]:
    peer = Peer(str(folder / "peer.sock"), list(answers))
    server = await asyncio.start_unix_server(peer.serve, peer.path)
    wire = Wire(peer.path, {"User-Agent": "test"})
    try:
        yield wire, peer
    finally:
        await wire.close()
        server.close()


async def get(wire: Wire, **headers: str) -> bytes:
    return (await wire.call("GET", "/v1/x", headers=headers, patience=10)).content


@pytest.mark.parametrize(
    ("answer", "content"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", b"hello"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3;x=1\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", b"hello"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + b"x" * 200_000, b"x" * 200_000),
    ],
    ids=["length", "chunks", "none", "large"],
)
async def test_content_comes_whole_however_it_is_sent(tmp_path: Path, answer: bytes, content: bytes) -> None:
    async with talking(tmp_path, answer) as (wire, _):
        assert await get(wire) == content


async def test_a_connection_is_used_again(tmp_path: Path) -> None:
    async with talking(tmp_path, OK, OK, OK) as (wire, peer):
        for _ in range(3):
            await get(wire)
        assert peer.connections == 1


async def test_calls_at_the_same_time_have_connections_of_their_own(tmp_path: Path) -> None:
    async with talking(tmp_path, OK, OK, OK) as (wire, peer):
        await asyncio.gather(*(get(wire) for _ in range(3)))
        assert peer.connections == 3


@pytest.mark.parametrize("closing", [b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}", OK])
async def test_one_that_the_daemon_closed_meanwhile_is_replaced(tmp_path: Path, closing: bytes) -> None:
    async with talking(tmp_path, closing) as (wire, peer):
        await get(wire)
        await asyncio.sleep(0)  # the peer has no more answers and hangs up
        peer.answers.append(OK)
        while peer.connections == 1:
            await get(wire)
        assert peer.connections == 2


@pytest.mark.parametrize(
    "answer",
    [
        None,
        b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\nuntil the en",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nd\r\nuntil the end",
        b"nonsense, until the end\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: until the end\r\n\r\n",
    ],
)
async def test_an_answer_that_is_cut_off_or_none_at_all_is_a_broken_one(tmp_path: Path, answer: bytes | None) -> None:
    async with talking(tmp_path, answer) as (wire, _):
        with pytest.raises(Broken):
            await get(wire)


async def test_nobody_there_is_told_apart(tmp_path: Path) -> None:
    with pytest.raises(NotConnected):
        await get(Wire(str(tmp_path / "nobody.sock"), {}))


async def test_no_answer_in_time(tmp_path: Path) -> None:
    async with talking(tmp_path, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{", OK) as (wire, peer):
        with pytest.raises(TimeoutError):
            await wire.call("GET", "/v1/x", headers={}, patience=0.05)
        assert await get(wire) == b"{}"
        assert peer.connections == 2


async def test_no_header_can_be_smuggled_in(tmp_path: Path) -> None:
    async with talking(tmp_path, OK) as (wire, peer):
        await get(wire, **{"Wtpd-Initials": "ab\r\nContent-Length: 99"})
        assert [line for line in peer.heads[0].split("\r\n") if line.startswith("Content-Length")] == []


async def test_a_body_has_its_length_and_so_has_none(tmp_path: Path) -> None:
    async with talking(tmp_path, OK, OK) as (wire, peer):
        await wire.call("PUT", "/v1/x", headers={}, body="ü".encode(), patience=10)
        await wire.call("POST", "/v1/x", headers={}, patience=10)
        assert ["Content-Length: 2" in peer.heads[0], "Content-Length: 0" in peer.heads[1]] == [True, True]


async def test_lines_of_a_stream_come_as_they_are_sent(tmp_path: Path) -> None:
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (b"id: 1\nda", "ta: ü\r\n\n".encode()))
    answer = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"
    async with talking(tmp_path, answer) as (wire, _), wire.stream("/v1/events", headers={}) as (head, lines):
        assert head.ok
        assert [line async for line in lines] == ["id: 1", "data: ü", ""]
