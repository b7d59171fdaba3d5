"""Handing mails to real servers."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.certificates import self_signed
from tests.support.mail_server import MailServer
from wtpd.connectors.kit.http import tls_context
from wtpd.daemon.mail.smtp import MailDelayed, MailRefused, Server, SmtpTransport

MAIL = b"Subject: x\r\n\r\n.hidden dot\r\n"


@pytest.fixture(autouse=True)
def _own_authorities() -> Iterator[None]:
    tls_context.cache_clear()
    yield
    tls_context.cache_clear()


async def deliver(server: Server, dialogue: list[str] | None = None, times: int = 1) -> None:
    connection = await SmtpTransport(time_limit=5).open(server, dialogue)
    try:
        for _ in range(times):
            await connection.send("wtpd@x.example", "status@x.example", MAIL)
    finally:
        await connection.close()


def server_at(port: int, security: str = "none", **login: str) -> Server:
    return Server(host="127.0.0.1", port=port, security=security, **login)


async def test_several_mails_over_one_connection() -> None:
    async with MailServer() as there:
        await deliver(server_at(there.port), times=3)
    assert [mail.get_content().strip() for mail in there.mails] == [".hidden dot"] * 3
    assert there.connections == 1


@pytest.mark.parametrize("implicit", [False, True])
async def test_tls_and_login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, implicit: bool) -> None:
    context, file = self_signed(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    dialogue: list[str] = []
    async with MailServer(tls=context, implicit=implicit, logins={"box": "s3cret"}) as there:
        login = server_at(there.port, "tls" if implicit else "starttls", user="box", password="s3cret")
        await deliver(login, dialogue)
    assert len(there.mails) == 1
    text = "\n".join(dialogue)
    assert ("> STARTTLS" in text) != implicit
    assert "> AUTH" in text
    assert "> MAIL FROM:<wtpd@x.example>" in text
    assert "> DATA" in text
    assert "< 250 taken" in text
    assert "s3cret" not in text
    assert "> AUTH PLAIN (hidden)" in text or "> AUTH LOGIN (hidden)" in text
    assert b64encode(b"\0box\0s3cret").decode() not in text
    assert b64encode(b"s3cret").decode() not in text
    assert "s3cret" not in repr(login)


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_server_that_cannot_prove_who_it_is_gets_nothing(tmp_path: Path, security: str) -> None:
    context, _ = self_signed(tmp_path)
    async with MailServer(tls=context, implicit=security == "tls", logins={"box": "s3cret"}) as there:
        with pytest.raises(MailDelayed):
            await deliver(server_at(there.port, security, user="box", password="s3cret"))
    assert not there.mails


async def test_a_server_without_starttls_gets_nothing() -> None:
    async with MailServer() as there:
        with pytest.raises(MailDelayed, match="STARTTLS"):
            await deliver(server_at(there.port, "starttls"))
    assert not there.mails


async def test_a_password_is_not_sent_in_the_clear() -> None:
    with pytest.raises(MailDelayed, match="without TLS"):
        await deliver(Server(host="mail.example", port=25, security="none", user="box", password="s3cret"))


async def test_a_wrong_password_is_no_refusal_of_the_mail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context, file = self_signed(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    async with MailServer(tls=context, logins={"box": "other"}) as there:
        with pytest.raises(MailDelayed, match="refuses the login: 535") as caught:
            await deliver(server_at(there.port, "starttls", user="box", password="s3cret"))
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("at", ["recipient", "data"])
async def test_a_temporary_answer_delays_this_mail_alone(at: str) -> None:
    async with MailServer() as there:
        answers = there.answers if at == "data" else there.recipient_answers
        answers.append("451 greylisted")
        connection = await SmtpTransport().open(server_at(there.port))
        with pytest.raises(MailDelayed, match="451 greylisted") as caught:
            await connection.send("a@x.example", "b@x.example", MAIL)
        assert not caught.value.connection
        await connection.send("a@x.example", "b@x.example", MAIL)
        await connection.close()
    assert len(there.mails) == 1


@pytest.mark.parametrize("at", ["recipient", "data"])
async def test_a_permanent_answer_refuses_this_mail_alone(at: str) -> None:
    async with MailServer() as there:
        answers = there.answers if at == "data" else there.recipient_answers
        answers.append("550 5.1.1 unknown")
        connection = await SmtpTransport().open(server_at(there.port))
        with pytest.raises(MailRefused, match=r"550 5\.1\.1 unknown"):
            await connection.send("a@x.example", "b@x.example", MAIL)
        await connection.send("a@x.example", "b@x.example", MAIL)
        await connection.close()
    assert len(there.mails) == 1


async def test_a_server_that_closes_down_delays_all() -> None:
    async with MailServer() as there:
        there.answers.append("421 closing")
        with pytest.raises(MailDelayed) as caught:
            await deliver(server_at(there.port))
    assert caught.value.connection


async def test_a_connection_lost_after_data_delays_all() -> None:
    async with MailServer() as there:
        there.answers.append("drop")
        with pytest.raises(MailDelayed) as caught:
            await deliver(server_at(there.port))
    assert caught.value.connection


async def test_no_server_at_all() -> None:
    async with MailServer() as there:
        pass
    with pytest.raises(MailDelayed, match=r"127\.0\.0\.1"):
        await deliver(server_at(there.port))


async def test_an_international_domain_goes_out_in_ascii() -> None:
    async with MailServer() as there:
        connection = await SmtpTransport().open(server_at(there.port))
        await connection.send("wtpd@güstrow.example", "werkstatt@güstrow.example", MAIL)
        await connection.close()
    assert there.recipients == [["werkstatt@xn--gstrow-3ya.example"]]


async def test_letters_before_the_at_go_by_smtputf8_or_are_refused_for_this_mail_alone() -> None:
    async with MailServer(utf8=True) as there:
        connection = await SmtpTransport().open(server_at(there.port))
        await connection.send("wtpd@x.example", "wärkstatt@güstrow.example", MAIL)
        await connection.close()
    assert there.recipients == [["wärkstatt@xn--gstrow-3ya.example"]]
    async with MailServer() as there:
        connection = await SmtpTransport().open(server_at(there.port))
        with pytest.raises(MailRefused, match="SMTPUTF8"):
            await connection.send("wtpd@x.example", "wärkstatt@güstrow.example", MAIL)
        await connection.send("wtpd@x.example", "b@x.example", MAIL)
        await connection.close()
    assert there.recipients == [["b@x.example"]]


async def test_what_is_no_address_is_refused_for_this_mail_alone() -> None:
    async with MailServer() as there:
        connection = await SmtpTransport().open(server_at(there.port))
        for address in ("a b@x.example", "a@x.example\r\nDATA", "@", "a<b@x.example"):
            with pytest.raises(MailRefused, match="isn't a mail address"):
                await connection.send("wtpd@x.example", address, MAIL)
        await connection.send("wtpd@x.example", "b@x.example", MAIL)
        await connection.close()
    assert there.recipients == [["b@x.example"]]


async def test_a_dialogue_has_one_entry_for_each_line() -> None:
    dialogue: list[str] = []
    async with MailServer() as there:
        await deliver(server_at(there.port), dialogue)
    assert not [line for line in dialogue if "\n" in line]
    assert len([line for line in dialogue if line.startswith("< 250")]) > 4, "EHLO's answer has several lines"


async def _for_ever(writer: asyncio.StreamWriter, piece: bytes) -> None:
    while True:
        writer.write(piece)
        await writer.drain()


HOSTILE: dict[str, tuple[bytes, bytes]] = {
    "an endless greeting": (b"", b"220-hello hello hello\r\n" * 1000),
    "an endless line": (b"220 ", b"a" * 100_000),
    "an endless answer": (b"220 hello\r\n", b"250-" + b"a" * 400 + b"\r\n"),
    "no SMTP": (b"\xff\xfe\x00nonsense\r\n", b""),
    "a cut": (b"220 hello\r\n25", b""),
    "answers before they are asked for": (b"220 a\r\n250 a\r\n354 x\r\n250 ok\r\n", b""),
}
"""What the server begins with, and then says for ever; nothing: it hangs up."""


@pytest.mark.parametrize("kind", HOSTILE)
async def test_a_hostile_server_delays_all_and_is_told_in_our_words(kind: str) -> None:
    begins, repeats = HOSTILE[kind]

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            writer.write(begins)
            await writer.drain()
            if repeats:
                await _for_ever(writer, repeats)
        writer.close()

    dialogue: list[str] = []
    async with await asyncio.start_server(talk, "127.0.0.1", 0) as there:
        with pytest.raises(MailDelayed) as caught:
            await deliver(server_at(there.sockets[0].getsockname()[1]), dialogue)
    assert caught.value.connection
    for language in ("de", "nl"):
        said = caught.value.text.render(language)
        assert "esponse" not in said.replace("SMTPResponseException", "")
        assert said != caught.value.text.render("en")
    assert sum(map(len, dialogue)) < 50_000


async def test_a_server_that_offers_no_login_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context, file = self_signed(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    async with MailServer(tls=context) as there:
        there.offers_login = False
        with pytest.raises(MailDelayed, match="offers no login"):
            await deliver(server_at(there.port, "starttls", user="box", password="s3cret"))


@pytest.mark.parametrize(
    ("language", "refused", "certificate", "starttls"),
    [
        ("de", "nimmt nichts Verbindungen an", "selbst unterschrieben", "kein STARTTLS"),
        ("nl", "daar luistert niets", "zelf ondertekend", "geen STARTTLS"),
    ],
)
async def test_reasons_are_in_the_readers_language(
    tmp_path: Path, language: str, refused: str, certificate: str, starttls: str
) -> None:
    context, _ = self_signed(tmp_path)

    async def reason(server: Server) -> str:
        with pytest.raises(MailDelayed) as caught:
            await deliver(server)
        return caught.value.text.render(language)

    async with MailServer(tls=context, implicit=True) as there:
        assert certificate in await reason(server_at(there.port, "tls"))
        closed = there.port
    assert refused in await reason(server_at(closed))
    localhost = Server(host="localhost", port=closed, security="none")
    assert refused in await reason(localhost), "of several addresses"
    async with MailServer() as there:
        assert starttls in await reason(server_at(there.port, "starttls"))
        assert "TLS" in await reason(server_at(there.port, "tls"))
