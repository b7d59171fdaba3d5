"""The demo's house: sandbox, mail server and daemon, all in one folder, with no need to be root."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path

from wtpd.client import Client, ClientError
from wtpd.demo.mail_sink import MailSink
from wtpd.demo.partner import PARTNER, Partner
from wtpd.demo.processes import Failed, Process
from wtpd.demo.settings import Settings
from wtpd.texts import N_

ADDRESS_FILE = "address"
"""The sandbox notes here where it listens."""
LONGEST_SOCKET = 100
"""A unix socket's path has at most 107 bytes."""


class House:
    """`open` it, and `close` it in any case; nothing is left running."""

    def __init__(self, folder: Path, *, language: str) -> None:
        self.folder = folder
        self.language = language
        self.mails = MailSink(folder / "mails")
        self.daemon = Process("wtpd run", (), folder / "daemon.log")
        self.sandbox = Process("wtpd sandbox", (), folder / "sandbox.log")
        self.address = ""
        """Of the sandbox, once it runs."""
        self._stack = contextlib.AsyncExitStack()

    @property
    def socket(self) -> Path:
        return self.folder / "api.sock"

    @property
    def running(self) -> bool:
        """Daemon and sandbox are running."""
        return self.daemon.alive and self.sandbox.alive

    @property
    def config(self) -> Path:
        return self.folder / "wtpd.yaml"

    async def open(self) -> None:
        """Start everything; `close` it in any case. Raises `Failed`."""
        if len(str(self.socket).encode()) > LONGEST_SOCKET:
            raise Failed(N_("the path of the folder {folder} is too long for a socket", folder=str(self.folder)))
        self.folder.mkdir(parents=True, exist_ok=True)
        await self._stack.enter_async_context(self.mails)
        state = self.folder / "sandbox"
        state.mkdir(exist_ok=True)
        note = state / ADDRESS_FILE
        note.unlink(missing_ok=True)
        self.sandbox.arguments = ("sandbox", "serve", "--state", str(state), "--seed", "1")
        self._stack.push_async_callback(self.sandbox.stop)
        await self.sandbox.start(_is_there(note))
        self.address = note.read_text().strip()
        self.partner = Partner(self.address)
        self._stack.push_async_callback(self.partner.close)
        settings = Settings(
            folder=self.folder,
            language=self.language,
            partner=f"{self.address}/{PARTNER}",
            mail_port=self.mails.port,
        )
        self.config.write_text(settings.text())
        self.daemon.environment = {"WTPD_KEY_FILE": str(self.folder / "wtpd.key")}
        self.daemon.arguments = ("run", "--config", str(self.config))
        self.api = Client(str(self.socket), language=self.language)
        self._stack.push_async_callback(self.api.close)
        self._stack.push_async_callback(self.daemon.stop)
        await self.start_daemon()

    async def close(self) -> None:
        """Stop everything, in order; safe to call twice, and after an `open` that failed."""
        try:
            await self._stack.aclose()
        finally:
            for process in (self.daemon, self.sandbox):
                process.kill_now()

    async def start_daemon(self) -> None:
        """Returns when it is ready. Raises `Failed`."""
        await self.daemon.start(self._daemon_answers)

    async def crash_daemon(self) -> None:
        """`kill -9`."""
        await self.daemon.kill()

    async def _daemon_answers(self) -> bool:
        try:
            await self.api.status()
        except ClientError:
            return False
        return True


def _is_there(note: Path) -> Callable[[], Awaitable[bool]]:
    async def ready() -> bool:
        return await asyncio.to_thread(lambda: note.exists() and note.read_text().strip() != "")

    return ready
