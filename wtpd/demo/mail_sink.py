"""A real SMTP server on loopback that keeps each mail as a file: `0001-status@example.org.eml`."""

from __future__ import annotations

import asyncio
import re
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aiosmtpd.smtp import SMTP, Envelope, Session

LARGEST = 10 << 20


class MailSink:
    """Use it as `async with MailSink(folder) as sink`; `sink.port` is where it listens."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = 0
        self._server: asyncio.Server | None = None
        self._count = 0

    async def __aenter__(self) -> MailSink:
        from aiosmtpd.smtp import SMTP

        self.folder.mkdir(parents=True, exist_ok=True)
        self._count = len(list(self.folder.glob("*.eml")))
        loop = asyncio.get_running_loop()
        # The host name is given, since looking it up could ask the network.
        self._server = await loop.create_server(
            lambda: SMTP(self, hostname="localhost", loop=loop, data_size_limit=LARGEST), "127.0.0.1", 0
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exception: object) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Called by aiosmtpd for each mail; the answer is what the sender gets."""
        self._count += 1
        recipient = re.sub(r"[^A-Za-z0-9@._-]", "_", envelope.rcpt_tos[0])[:80]
        content: Any = envelope.content
        file = self.folder / f"{self._count:04}-{recipient}.eml"
        await asyncio.to_thread(file.write_bytes, content)
        return f"250 kept as {file.name}"

    def mails(self) -> list[EmailMessage]:
        """What came in so far, in order."""
        return [
            message_from_bytes(file.read_bytes(), policy=policy.default) for file in sorted(self.folder.glob("*.eml"))
        ]
