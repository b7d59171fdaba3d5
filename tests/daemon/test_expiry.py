"""Credentials that end soon: told 14, 7 and 1 days before, by mail where a channel depends on them."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.daemon import PATIENCE, config_text, running_daemon
from tests.support.hand_clock import HandClock
from tests.support.mail_server import MailServer
from tests.support.sandbox import CLIENT, running_sandbox
from wtpd.clock import iso
from wtpd.daemon.credentials.expiry import expiries
from wtpd.store.credentials import Entry

NOW = HandClock().now()


def entry(left: timedelta | None) -> Entry:
    at = None if left is None else iso(NOW + left)
    return Entry(
        provider="dat", scope="general", fields=(), fingerprint="", set_at=iso(NOW), set_by="anna", last_used_at=None,
        last_result=None, expires_at=at, readable=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("left", "hint", "days"),
    [
        (timedelta(days=14, seconds=1), None, None),
        (timedelta(days=14), 14, 14),
        (timedelta(days=7, seconds=1), 14, 8),
        (timedelta(days=7), 7, 7),
        (timedelta(days=1, seconds=1), 7, 2),
        (timedelta(days=1), 1, 1),
        (timedelta(seconds=1), 1, 1),
        (timedelta(0), 0, 0),
        (-timedelta(days=400), 0, 0),
    ],
)
def test_when_it_is_told(left: timedelta, hint: int | None, days: int | None) -> None:
    found = [(one.hint, one.days_left) for one in expiries([entry(left), entry(None)], NOW)]
    assert found == ([] if hint is None else [(hint, days)])


@settings(deadline=None, max_examples=100)
@given(st.lists(st.timedeltas(min_value=timedelta(days=-30), max_value=timedelta(days=30))))
def test_the_nearest_comes_first_and_hints_have_begun(lefts: list[timedelta]) -> None:
    found = expiries([entry(left) for left in lefts], NOW)
    assert [one.at for one in found] == sorted(one.at for one in found)
    assert all(one.since <= NOW for one in found)


async def test_a_mail_goes_out_at_each_hint_and_none_in_between(tmp_path: Path) -> None:
    clock = HandClock()
    async with running_sandbox(tmp_path / "sandbox", clock=clock) as sandbox, MailServer() as server:
        mail = f"mail:\n  host: 127.0.0.1\n  port: {server.port}\n  security: none\n  sender: box@example.org\n"
        text = config_text(partner=sandbox.partner("superservice"), more=mail).replace("language: de", "language: en")

        def told() -> list[EmailMessage]:
            return [one for one in server.mails if "expires in" in str(one["subject"])]

        async def until_told(times: int) -> str:
            """The clock is set forward by the seconds that the mailer waits."""
            async with asyncio.timeout(PATIENCE):
                while len(told()) < times:
                    clock.advance(2)
                    await asyncio.sleep(0.02)
            return str(told()[-1]["subject"]).partition("– ")[2]

        async with running_daemon(tmp_path, text, clock=clock) as daemon:
            at = clock.now() + timedelta(days=10)
            body: dict[str, Any] = {"fields": CLIENT, "expires_at": at.isoformat()}
            reply = await daemon.http.put("/v1/credentials/superservice/general", body)
            assert reply.json["tested"] is True
            assert await until_told(1) == "SUPERSERVICE Connect: access expires in 10 days"
            for _ in range(2):
                clock.advance(timedelta(days=2))
            assert await until_told(2) == "SUPERSERVICE Connect: access expires in 6 days", "and none at 8"
            assert told()[1]["references"] == told()[0]["message-id"]
            body["expires_at"] = (clock.now() + timedelta(days=365)).isoformat()
            await daemon.http.put("/v1/credentials/superservice/general", body)
            assert await daemon.problems() == []
