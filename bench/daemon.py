"""The real daemon as a process, with its socket, and the moment it said READY."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bench.dealership import settings


@dataclass(frozen=True, slots=True)
class Running:
    pid: int
    socket: Path
    seconds_to_ready: float

    def ask(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Any:
        """One call of the API; blocks."""
        connection = _UnixConnection(self.socket)
        content = None if body is None else json.dumps(body)
        connection.request(method, path, content, {"Content-Type": "application/json", **(headers or {})})
        answer = connection.getresponse()
        content = answer.read().decode()
        assert answer.status < 300, (answer.status, content)
        return json.loads(content) if content else None


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=30)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(30)
        self.sock.connect(str(self._path))


@asynccontextmanager
async def daemon(folder: Path, **more: object) -> AsyncIterator[Running]:
    """`wtpd run` on the database `wtpd.db` in `folder`; `more` goes into its settings."""
    path = folder / "api.sock"
    config = folder / "wtpd.yaml"
    config.write_text(yaml.safe_dump(settings(folder, api={"socket": str(path)}, **more)))
    told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    told.bind(str(folder / "notify"))
    environment = {
        "PATH": os.environ["PATH"],
        "NOTIFY_SOCKET": str(folder / "notify"),
        "WTPD_LOG_LEVEL": "warning",
        "WTPD_DATA_DIR": str(folder),
        "WTPD_KEY_FILE": str(folder / "key"),
    }
    key = folder / "key"
    if not key.exists():
        key.touch(0o600)
        key.write_bytes(os.urandom(32))
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "wtpd.daemon", "--config", str(config)], env=environment)
    try:
        await _ready(told, process)
        yield Running(process.pid, path, time.perf_counter() - started)
    finally:
        process.terminate()
        assert await asyncio.to_thread(process.wait, 20) == 0
        told.close()
        (folder / "notify").unlink()


async def _ready(told: socket.socket, process: subprocess.Popen[bytes]) -> None:
    async with asyncio.timeout(60):
        while b"READY=1" not in await asyncio.get_running_loop().sock_recv(told, 4096):
            assert process.poll() is None, "the daemon ended"
