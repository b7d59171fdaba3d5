"""Status mails that aren't sent, reached from the overview's problem."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.daemon import RunningDaemon, config_text, running_daemon
from tests.support.mail_server import MailServer
from tests.support.tui import Tui, opened

NOBODY = "http://127.0.0.1:9"


@asynccontextmanager
async def refused(folder: Path) -> AsyncIterator[tuple[MailServer, RunningDaemon, Tui]]:
    """A box whose alarm mail is refused, with the cursor on that problem."""
    async with MailServer() as server:
        server.recipient_answers += ["550 5.1.1 unknown user"]
        text = config_text(partner=NOBODY, more=f"mail: {{host: 127.0.0.1, port: {server.port}, security: none}}\n")
        async with running_daemon(folder, text) as daemon:

            async def is_refused() -> bool:
                return "mail.refused" in [one["kind"] for one in await daemon.problems()]

            await daemon.until(is_refused)  # at an overview without problems the cursor is on the channels
            async with opened(folder / "api.sock") as tui:
                await tui.until("A status mail to status@rostock.example isn't sent")
                yield server, daemon, tui


async def test_a_refused_mail_is_sent_to_another_address(tmp_path: Path) -> None:
    async with refused(tmp_path) as (server, _, tui):
        await tui.press("end", "enter")
        await tui.until("Unsent mails")
        await tui.until("status@rostock.example")
        await tui.press("e")
        await tui.until("Send to another address")
        await tui.press("ctrl+a", "ctrl+k", *"chef@x.example", "enter")
        await tui.until("Every mail was sent.")
        assert server.recipients == [["chef@x.example"]]


async def test_a_refused_mail_is_given_up(tmp_path: Path) -> None:
    async with refused(tmp_path) as (server, daemon, tui):
        await tui.press("m")
        await tui.until("550 5.1.1 unknown user")
        await tui.press("d")
        await tui.until("Give up this mail?")
        await tui.press("enter")
        await tui.until("Every mail was sent.")
        assert not server.recipients
        assert "mail.refused" not in [one["kind"] for one in await daemon.problems()]
