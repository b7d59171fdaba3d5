"""A partner that tells what it was told in confidence: in the token it gives, in problem details, in SOAP faults."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from xml.sax.saxutils import escape

FAULT = (
    '<S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"><S:Body><S:Fault><faultcode>S:Server</faultcode>'
    "<faultstring>{said}</faultstring></S:Fault></S:Body></S:Envelope>"
)


@asynccontextmanager
async def echo_partner() -> AsyncIterator[str]:
    """Its address."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            except (asyncio.IncompleteReadError, ConnectionError):
                break
            lengths = re.findall(r"(?im)^content-length: *(\d+)", head)
            body = (await reader.readexactly(int(lengths[0]) if lengths else 0)).decode()
            writer.write(_answer(head, body))
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


def _answer(head: str, body: str) -> bytes:
    method, path, _ = head.split(" ", 2)
    [said] = re.findall(r"(?im)^authorization: *\w+ +(\S+)", head) or [""]
    if "xml" in head:
        told = " ".join(re.findall(r">([^<>]+)<", body))
        return _message(500, "text/xml", FAULT.format(said=escape(f"{told} {said}")))
    if path.endswith("/oauth/token"):
        secret = base64.b64decode(said).decode().partition(":")[2]
        return _json(200, {"access_token": secret, "token_type": "Bearer", "expires_in": 3600})
    if method == "GET" and "/changes" in path:
        return _json(200, {"items": [], "nextCursor": "1", "hasMore": False})
    return _json(400, {"type": "about:blank", "title": said, "status": 400, "detail": f"you sent {said}"})


def _json(status: int, content: object) -> bytes:
    return _message(status, "application/json", json.dumps(content))


def _message(status: int, kind: str, content: str) -> bytes:
    encoded = content.encode()
    lines = f"HTTP/1.1 {status} -\r\ncontent-type: {kind}; charset=utf-8\r\ncontent-length: {len(encoded)}\r\n\r\n"
    return lines.encode() + encoded
