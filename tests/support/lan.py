"""A program on the local network: HTTPS over real sockets, with the bytes as they are."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path

from tests.support.daemon import RunningDaemon, config_text
from tests.support.push_connector import NAME, manifest
from tests.support.unix_http import Reply, read_reply
from wtpd.connectors.receiver import PushLimits
from wtpd.connectors.registry import Registry

NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME, for which Python has no name."""
TYPE = "application/x-ndjson"


def free_port(address: str = "127.0.0.1") -> int:
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


def lan_text(port: int, more: str = "") -> str:
    return config_text(
        sites={"rostock": None, "guestrow": None},
        more=f"listener:\n  enabled: true\n  address: 127.0.0.1\n  port: {port}\n{more}"
        "connectors:\n  dat:\n    enabled: false\n",
    )


def registry(limits: PushLimits | None = None) -> Registry:
    from wtpd.connectors.registry import load

    return Registry({**load().manifests, NAME: manifest(limits)})


@dataclass
class Program:
    """`token`: of Authorization; `certificate`: of the box, the only one it trusts."""

    port: int
    certificate: Path
    token: str = ""
    host: str = ""
    source: str = ""

    def context(self) -> ssl.SSLContext:
        made = ssl.create_default_context(cafile=str(self.certificate))
        made.verify_flags |= NO_CHECK_TIME  # type: ignore[operator] # the clock of the tests is another one
        return made

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        local = (self.source, 0) if self.source else None
        return await asyncio.open_connection(
            "127.0.0.1", self.port, ssl=self.context(), limit=1 << 24, local_addr=local, ssl_handshake_timeout=20
        )

    def head(self, method: str, path: str, length: int | None, headers: dict[str, str]) -> bytes:
        named = {"Host": self.host or f"127.0.0.1:{self.port}"}
        if self.token:
            named["Authorization"] = f"Bearer {self.token}"
        if length is not None:
            named["Content-Length"] = str(length)
        named |= {name.replace("_", "-"): value for name, value in headers.items()}
        lines = "".join(f"{name}: {value}\r\n" for name, value in named.items() if value)
        return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode()

    async def send(self, method: str, path: str, body: bytes = b"", **headers: str) -> Reply:
        if body:
            headers.setdefault("Content_Type", TYPE)
        return await self.raw(self.head(method, path, len(body), headers) + body)

    async def push(self, body: bytes, path: str = "/v1/people", **headers: str) -> Reply:
        return await self.send("POST", f"/push/{NAME}{path}", body, **headers)

    async def raw(self, data: bytes) -> Reply:
        reader, writer = await self.connect()
        try:
            writer.write(data)
            return await read_reply(reader)
        finally:
            writer.close()
            with contextlib.suppress(OSError, ssl.SSLError):
                await writer.wait_closed()


async def program(daemon: RunningDaemon, port: int, *, site: str = "rostock", account: str = "00123") -> Program:
    """One with a token of its own, once the box listens."""

    async def listening() -> bool:
        return bool((await daemon.http.get("/v1/listener")).json["listening"])

    await daemon.until(listening)
    reply = await daemon.http.post(
        "/v1/tokens", {"connector": NAME, "site": site, "name": "DMS", "dealer_number": account}
    )
    assert reply.status == 201, reply.json
    return Program(port, daemon.folder / "data" / "listener" / "listener.pem", reply.json["token"])
