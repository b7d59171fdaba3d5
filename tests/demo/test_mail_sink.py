"""The demo's mail server takes what the daemon sends."""

from __future__ import annotations

from email.message import EmailMessage
from pathlib import Path

import aiosmtplib

from wtpd.demo.mail_sink import MailSink


def mail(to: str, subject: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "wtpd@example.org", to, subject
    message.set_content("Zwei Termine über der Grenze.\n.\n")
    return message


async def test_mails_are_kept_as_files_in_order(tmp_path: Path) -> None:
    async with MailSink(tmp_path / "mails") as sink:
        for subject in ("2 Fehler", "behoben – gut"):
            message = mail("status@example.org", subject)
            await aiosmtplib.send(message, hostname="127.0.0.1", port=sink.port, start_tls=False)
        assert [one["Subject"] for one in sink.mails()] == ["2 Fehler", "behoben – gut"]
    assert sorted(file.name for file in (tmp_path / "mails").iterdir()) == [
        "0001-status@example.org.eml",
        "0002-status@example.org.eml",
    ]


async def test_an_address_cant_leave_the_folder(tmp_path: Path) -> None:
    async with MailSink(tmp_path / "mails") as sink:
        message = mail('"../../x"@example.org', "out")
        await aiosmtplib.send(message, hostname="127.0.0.1", port=sink.port, start_tls=False)
    assert [file.parent.name for file in tmp_path.rglob("*.eml")] == ["mails"]
