"""Status mails as a dealership gets them: real database, real SMTP, a clock moved by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from tests.support.hand_clock import HandClock
from tests.support.mail_server import MailServer
from wtpd.channel.errors import Transient
from wtpd.channel.health import Condition, State
from wtpd.config.model import Config
from wtpd.daemon.failures import Failures
from wtpd.daemon.mail.compose import Compared
from wtpd.daemon.mail.incidents import Finding
from wtpd.daemon.mail.mailer import Compare, Mailer
from wtpd.daemon.mail.observe import channel_trouble, config_trouble
from wtpd.daemon.mail.smtp import Connection, Server, SmtpTransport
from wtpd.errors import Invalid, NotFound, Unavailable
from wtpd.store import attention, mail
from wtpd.store.database import Database, Tx
from wtpd.texts import N_

MINUTE = timedelta(minutes=1)
CHANNEL = "superservice/rostock"


class Box:
    """A box with its database, its troubles and its mailer."""

    def __init__(self, db: Database, clock: HandClock, config: Config) -> None:
        self.db = db
        self.clock = clock
        self.config = config
        self.troubles: list[Finding] = []
        self.login: dict[str, str] = {}
        self.mailer = self.new_mailer()

    def new_mailer(self) -> Mailer:
        """As after a restart."""
        return Mailer(
            self.db,
            lambda: self.config,
            self.clock,
            self._credentials,
            SmtpTransport(time_limit=5),
            troubles=lambda: self.troubles,
        )

    async def _credentials(self, site: str) -> Mapping[str, str]:
        return self.login

    def channel(self, state: State, site: str = "rostock", reason: str = "GET /v1/x: 500") -> None:
        condition = Condition(state=state, since=self.clock.now(), reason=N_(reason))
        found = channel_trouble(f"superservice/{site}", condition, title="SUPERSERVICE")
        self.troubles = [found] if found else []

    async def look(self, later: timedelta = timedelta(0)) -> datetime | None:
        self.clock.advance(later)
        return await self.mailer.look()

    async def attention(self, kind: str, once: str, appointment_id: str | None = None) -> int:
        return await self.db.write(
            lambda tx: attention.add(
                tx, kind, channel=CHANNEL, appointment_id=appointment_id, data={"secret": "Meier"}, once=once
            )
        )

    async def queued(self) -> list[mail.Mail]:
        return await self.db.read(lambda tx: mail.due(tx, 1000))


def settings(port: int = 1, **changes: Any) -> Config:
    content = {
        "language": "en",
        "box": {"name": "box-07"},
        "mail": {"host": "127.0.0.1", "port": port, "security": "none", "sender": "wtpd@x.example", **changes},
        "sites": [
            {
                "id": name,
                "name": f"Autohaus {name.title()}",
                "status_mail": f"{name}@x.example",
                "partners": {"superservice": {"dealer_number": name}},
            }
            for name in ("rostock", "wismar")
        ],
    }
    return msgspec.convert(content, Config)


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Box]:
    clock = HandClock()
    db = await Database.open(tmp_path / "wtpd.db", clock=clock)

    def channels(tx: Tx) -> None:
        for site in ("rostock", "wismar"):
            tx.run(
                "INSERT INTO channel (id, connector, site, department, account, active) VALUES (?, ?, ?, ?, ?, 1)",
                (f"superservice/{site}", "superservice", site, "Werkstatt", site),
            )

    await db.write(channels)
    yield Box(db, clock, settings())
    await db.close()


@pytest.fixture
async def server(box: Box) -> AsyncIterator[MailServer]:
    async with MailServer() as there:
        box.config = settings(there.port)
        yield there


def text_of(message: EmailMessage) -> str:
    body = message.get_body(("plain",))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


async def test_a_failure_its_recovery_and_their_thread(box: Box, server: MailServer) -> None:
    box.channel(State.RETRYING)
    await box.look()
    await box.look(15 * MINUTE)
    await box.mailer.send()
    box.channel(State.HEALTHY)
    await box.look(MINUTE)
    await box.look(15 * MINUTE)
    await box.look(15 * MINUTE)
    await box.mailer.send()
    alarm, recovery = server.mails
    assert alarm["To"] == "rostock@x.example"
    assert alarm["Subject"] == "[Autohaus Rostock · box-07] 1 error – SUPERSERVICE: no connection"
    assert recovery["Subject"] == ("[Autohaus Rostock · box-07] 1 resolved – works again: SUPERSERVICE: no connection")
    assert recovery["References"] == recovery["In-Reply-To"] == alarm["Message-ID"] != recovery["Message-ID"]
    assert "from 21/11/2026 09:00 to 21/11/2026 09:16" in text_of(recovery)


async def test_a_pause_is_no_recovery(box: Box) -> None:
    box.channel(State.NEEDS_TOKEN)
    await box.look()
    box.channel(State.PAUSED)
    await box.look(60 * MINUTE)
    box.channel(State.STARTING)
    await box.look(60 * MINUTE)
    assert len(await box.queued()) == 1


async def test_a_connector_that_is_taken_out_is_no_recovery(box: Box) -> None:
    box.channel(State.NEEDS_TOKEN)
    await box.look()
    box.troubles = []
    site = msgspec.structs.replace(box.config.sites[0], partners={})
    box.config = msgspec.structs.replace(box.config, sites=[site])
    await box.look(60 * MINUTE)
    await box.look(60 * MINUTE)
    assert len(await box.queued()) == 1
    assert await box.db.read(mail.open_incidents) == []


async def test_nothing_new_writes_nothing(box: Box) -> None:
    box.channel(State.NEEDS_TOKEN)
    await box.look()
    await box.look(MINUTE)
    before = await box.db.read(lambda tx: [tuple(row) for row in tx.all("SELECT * FROM incident")])
    due = await box.look(MINUTE)
    assert due is not None
    assert await box.db.read(lambda tx: [tuple(row) for row in tx.all("SELECT * FROM incident")]) == before
    assert len(await box.queued()) == 1


async def test_a_restart_forgets_nothing(box: Box, server: MailServer) -> None:
    box.channel(State.NEEDS_TOKEN)
    await box.look()
    box.mailer = box.new_mailer()
    await box.look(MINUTE)
    await box.mailer.send()
    await box.mailer.send()
    assert len(server.mails) == 1


async def test_what_needs_a_decision_is_told_without_names(box: Box) -> None:
    await box.db.write(_appointment)
    await box.attention("conflict", "c1", "a1")
    await box.attention("car_open", "o1", "a1")
    await box.attention("unmatched", "u1")
    await box.look(MINUTE)
    queued = await box.queued()
    assert len(queued) == 2
    for each in queued:
        wire = each.message.decode()
        assert "23.11.2026" not in wire
        assert "23/11/2026 09:30, Werkstatt" in wire
        for private in ("Meier", "HRO-AB 1", "Erika"):
            assert private not in wire
    incidents = await box.db.read(lambda tx: [row["facts"] for row in tx.all("SELECT facts FROM incident")])
    assert "Meier" not in str(incidents)


async def test_names_and_plates_if_they_are_switched_on(box: Box) -> None:
    box.config = settings(show_names=True)
    await box.db.write(_appointment)
    await box.attention("conflict", "c1", "a1")
    await box.look(MINUTE)
    (queued,) = await box.queued()
    assert "HRO-AB 1, Erika Meier" in queued.message.decode()


def _appointment(tx: Tx) -> None:
    tx.run("INSERT INTO customer (id, first_name, last_name, origin, version) VALUES ('k1', 'Erika', 'Meier', 'p', 1)")
    tx.run("INSERT INTO vehicle (id, plate, version) VALUES ('v1', 'HRO-AB 1', 1)")
    tx.run(
        """INSERT INTO appointment (id, site, department, drop_off, collection, status, customer_id, vehicle_id,
                                    origin, version)
           VALUES ('a1', 'rostock', 'Werkstatt', '2026-11-23T08:30:00Z', '2026-11-23T15:00:00Z', 'scheduled', 'k1',
                   'v1', 'planner', 1)"""
    )


async def test_a_list_of_many_is_cut(box: Box) -> None:
    for number in range(25):
        await box.attention("quarantine", str(number))
    await box.look(MINUTE)
    (queued,) = await box.queued()
    text = text_of(message_from_bytes(queued.message, policy=policy.default))
    assert text.count("without an appointment") == 10
    assert "and 15 more" in text


async def test_the_boxs_own_troubles_are_told_once_to_each_address(box: Box) -> None:
    second = msgspec.structs.replace(box.config.sites[1], status_mail="Rostock@x.example")
    third = msgspec.structs.replace(box.config.sites[1], id="bremen", status_mail="bremen@x.example")
    box.config = msgspec.structs.replace(box.config, sites=[box.config.sites[0], second, third])
    box.troubles = [config_trouble(box.clock.now(), N_("wtpd.yaml:42:20: unknown key"))]
    await box.look()
    await box.look(MINUTE)
    assert sorted(each.recipient for each in await box.queued()) == ["bremen@x.example", "rostock@x.example"]


async def test_the_ceiling_of_the_hour_and_what_it_held_back(box: Box, server: MailServer) -> None:
    box.config = settings(server.port, max_per_hour=3)
    for number in range(1, 4):
        box.troubles = [_token(box, f"s{n}") for n in range(number)]
        await box.look(MINUTE)
    box.troubles = [_token(box, f"s{n}") for n in range(6)]
    due = await box.look(MINUTE)
    assert len(await box.queued()) == 3
    assert due == box.clock.now() + 57 * MINUTE
    box.troubles = [_token(box, f"s{n}") for n in range(5)]
    await box.look(57 * MINUTE)
    await box.mailer.send()
    summary = server.mails[-1]
    assert len(server.mails) == 4
    assert summary["Subject"] == ("[Autohaus Rostock · box-07] 5 errors, 1 resolved – SUPERSERVICE s3: access expired")
    text = text_of(summary)
    assert "SUPERSERVICE s3: access expired\n===" in text
    assert "SUPERSERVICE s4: access expired\n===" in text
    assert "is over: SUPERSERVICE s5" in text
    assert "- SUPERSERVICE s0: access expired (since" in text


def _token(box: Box, name: str) -> Finding:
    return Finding(
        site="rostock",
        kind="channel",
        subject=f"superservice/{name}",
        since=box.clock.now(),
        facts={"title": f"SUPERSERVICE {name}", "state": "needs_token"},
        news=4,
        urgent=True,
    )


async def test_without_a_mail_server_nothing_is_written(box: Box) -> None:
    box.config = msgspec.structs.replace(box.config, mail=msgspec.structs.replace(box.config.mail, host=""))
    box.channel(State.NEEDS_TOKEN)
    assert await box.look() is None
    assert await box.mailer.send() is None
    assert await box.queued() == []


async def test_the_language_is_the_sites(box: Box) -> None:
    site = msgspec.structs.replace(box.config.sites[0], language="de")
    box.config = msgspec.structs.replace(box.config, sites=[site])
    box.channel(State.NEEDS_TOKEN)
    await box.look()
    (queued,) = await box.queued()
    assert "Content-Language: de" in queued.message.decode()
    assert "21.11.2026 09:00" in queued.message.decode()


async def test_a_server_that_is_down_gets_the_mail_later(box: Box) -> None:
    box.channel(State.NEEDS_TOKEN)
    await box.look()
    due = await box.mailer.send()
    assert due is not None
    assert due > box.clock.now()
    assert box.mailer.error is not None
    figures = await box.db.read(mail.figures)
    assert (figures.waiting, figures.refused) == (1, 0)
    assert "127.0.0.1" in str(figures.error)
    async with MailServer() as there:
        box.config = settings(there.port)
        await box.mailer.send()
        assert not there.mails, "not before its time"
        box.clock.advance(due - box.clock.now())
        assert await box.mailer.send() is None
    assert len(there.mails) == 1
    assert box.mailer.error is None


async def test_a_greylisted_mail_waits_alone(box: Box, server: MailServer) -> None:
    server.answers.append("451 greylisted")
    box.troubles = [_token(box, "a"), _token(box, "b")]
    await box.look()
    due = await box.mailer.send()
    assert len(server.mails) == 1
    assert due is not None
    box.clock.advance(due - box.clock.now())
    await box.mailer.send()
    assert len(server.mails) == 2
    assert len({message["Message-ID"] for message in server.mails}) == 2


async def test_a_refused_mail_is_shown_and_not_repeated(box: Box, server: MailServer) -> None:
    server.answers.append("554 5.7.1 no")
    box.channel(State.NEEDS_TOKEN)
    await box.look()
    assert await box.mailer.send() is None
    box.clock.advance(timedelta(days=1))
    assert await box.mailer.send() is None
    assert server.connections == 1
    (refused,) = await box.db.read(mail.unsent)
    assert str(refused.refused) == "554 5.7.1 no"
    assert await box.db.write(lambda tx: mail.retry(tx, refused.id)) == 1
    await box.mailer.send()
    assert len(server.mails) == 1


async def test_a_mail_dropped_after_data_comes_again_under_the_same_id(box: Box, server: MailServer) -> None:
    server.answers.append("drop")
    box.channel(State.NEEDS_TOKEN)
    await box.look()
    due = await box.mailer.send()
    assert due is not None
    box.clock.advance(due - box.clock.now())
    await box.mailer.send()
    first, again = server.mails
    assert first["Message-ID"] == again["Message-ID"]
    assert await box.mailer.send() is None


async def test_a_lost_connection_lets_the_others_wait_as_well(box: Box, server: MailServer) -> None:
    server.answers.append("drop")
    box.troubles = [_token(box, "a"), _token(box, "b")]
    await box.look()
    assert await box.mailer.send() is not None
    assert server.connections == 1
    assert (await box.db.read(mail.figures)).waiting == 2


async def test_waits_grow_and_after_five_days_it_is_given_up(box: Box) -> None:
    box.channel(State.NEEDS_TOKEN)
    await box.look()
    waits = []
    while (due := await box.mailer.send()) is not None:
        waits.append(due - box.clock.now())
        box.clock.advance(waits[-1])
    assert max(waits) <= timedelta(hours=1, seconds=6)
    assert sum(waits[-20:], timedelta(0)) > 4 * sum(waits[:5], timedelta(0))
    (refused,) = await box.db.read(mail.unsent)
    assert "given up after 5 days" in str(refused.refused)
    await box.db.write(lambda tx: mail.prune(tx, box.clock.now(), limit=100))
    assert await box.db.read(mail.unsent) == [refused], "until a person decides"
    assert await box.db.write(mail.dismiss) == 1
    assert await box.db.read(mail.unsent) == []
    box.clock.advance(timedelta(seconds=1))
    assert await box.db.write(lambda tx: mail.prune(tx, box.clock.now(), limit=100)) == 1


async def test_lost_credentials_delay_and_are_shown(box: Box, server: MailServer) -> None:
    async def lost(site: str) -> Mapping[str, str]:
        raise Unavailable(N_("The key of the credentials is lost."))

    box.mailer = Mailer(box.db, lambda: box.config, box.clock, lost, SmtpTransport(), troubles=lambda: box.troubles)
    box.channel(State.NEEDS_TOKEN)
    await box.look()
    await box.mailer.send()
    assert str(box.mailer.error) == "The key of the credentials is lost."
    assert server.connections == 0


async def test_a_weekly_all_clear_says_what_was_compared(box: Box, server: MailServer) -> None:
    box.config = settings(server.port, when="always")
    found = {"rostock": [Compared(title="SUPERSERVICE", compared=412, differing=0)]}
    found["wismar"] = [Compared(title="SUPERSERVICE", compared=9, differing=2)]
    asked: list[str] = []

    async def compare(site: str) -> Sequence[Compared]:
        asked.append(site)
        return found[site]

    mailer = _comparing(box, compare)
    assert await mailer.all_clear() == box.clock.now() + timedelta(days=7)
    box.clock.advance(timedelta(days=6))
    await mailer.all_clear()
    assert asked == []
    box.clock.advance(timedelta(days=1))
    assert await mailer.all_clear() == box.clock.now() + timedelta(days=7)
    assert await mailer.all_clear() == box.clock.now() + timedelta(days=7)
    await mailer.send()
    well, differs = server.mails
    assert well["Subject"] == "[Autohaus Rostock · box-07] all is well"
    assert "SUPERSERVICE: 412 appointments compared, all equal" in text_of(well)
    assert differs["Subject"] == "[Autohaus Wismar · box-07] compared, and some differ"
    assert "9 appointments compared, 2 differ" in text_of(differs)


async def test_no_all_clear_while_something_is_wrong_or_the_partner_is_away(box: Box) -> None:
    box.config = settings(when="always")
    away = True

    async def compare(site: str) -> Sequence[Compared]:
        if away:
            raise Transient("no connection")
        return [Compared(title="SUPERSERVICE", compared=1, differing=0)]

    mailer = _comparing(box, compare)
    await mailer.all_clear()
    box.channel(State.RETRYING)
    await box.look(timedelta(days=7))
    assert await mailer.all_clear() == box.clock.now() + timedelta(hours=1)
    away = False
    await mailer.all_clear()
    alarm, well = await box.queued()
    assert (alarm.recipient, well.recipient) == ("rostock@x.example", "wismar@x.example")
    assert b"all is well" not in alarm.message
    assert b"all is well" in well.message


async def test_no_all_clear_unless_it_is_wanted(box: Box) -> None:
    async def compare(site: str) -> Sequence[Compared]:
        raise AssertionError("nobody asked for it")

    mailer = _comparing(box, compare)
    assert await mailer.all_clear() is None


def _comparing(box: Box, compare: Compare) -> Mailer:
    async def nobody(site: str) -> Mapping[str, str]:
        return {}

    return Mailer(box.db, lambda: box.config, box.clock, nobody, SmtpTransport(), compare=compare)


async def test_mail_test_shows_the_dialogue(box: Box, server: MailServer) -> None:
    tested = await box.mailer.test("rostock", "me@x.example")
    assert tested.error is None
    assert tested.sent_to == "me@x.example"
    assert "> RCPT TO:<me@x.example>" in tested.dialogue
    assert "< 250 taken" in tested.dialogue
    assert server.mails[0]["Subject"] == "[Autohaus Rostock · box-07] test mail"
    server.answers.append("550 no")
    tested = await box.mailer.test("rostock")
    assert str(tested.error) == "550 no"
    assert tested.dialogue[-1] == "! 550 no"


@pytest.mark.parametrize(("site", "host"), [("nowhere", "127.0.0.1"), ("rostock", "")])
async def test_mail_test_needs_a_server_and_an_address(box: Box, site: str, host: str) -> None:
    box.config = msgspec.structs.replace(box.config, mail=msgspec.structs.replace(box.config.mail, host=host))
    with pytest.raises(Invalid):
        await box.mailer.test(site)


async def test_the_running_mailer_wakes_by_events_and_sleeps_otherwise(box: Box, server: MailServer) -> None:
    running = asyncio.create_task(box.mailer.run())
    try:
        await _idle(box)
        assert box.clock.next_wake is None, "nothing is due: nobody wakes up"
        await box.attention("conflict", "c1")
        await _until(lambda: box.clock.next_wake is not None)
        while not server.mails:
            assert box.clock.next_wake is not None
            box.clock.advance(box.clock.next_wake)
            await _idle(box)
        assert box.clock.now() - HandClock().now() < 2 * MINUTE
        assert server.mails[0]["Subject"].endswith("conflicts: 1")
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert box.db.listeners == []


async def _idle(box: Box) -> None:
    """Let the running tasks do what they can without time passing."""
    for _ in range(5):
        await box.db.read(lambda tx: None)
        await box.db.write(lambda tx: None)
        await asyncio.sleep(0.01)


async def _until(true: Any) -> None:
    async with asyncio.timeout(10):
        while not true():
            await asyncio.sleep(0.001)


class Odd(SmtpTransport):
    """A transport whose connections fail, with an error of their own, at mails to one address."""

    def __init__(self, address: str, error: Exception) -> None:
        super().__init__(time_limit=5)
        self._address, self._error = address, error

    async def open(self, server: Server, dialogue: list[str] | None = None) -> Connection:
        connection, odd = await super().open(server, dialogue), self

        class Failing:
            async def send(self, sender: str, recipient: str, message: bytes) -> None:
                if recipient == odd._address:
                    raise odd._error
                await connection.send(sender, recipient, message)

            async def close(self) -> None:
                await connection.close()

        return Failing()


def with_address(config: Config, site: str, address: str) -> Config:
    sites = [replace(one, status_mail=address) if one.id == site else one for one in config.sites]
    return replace(config, sites=sites)


async def queue(box: Box, *sites: str) -> None:
    """A trouble at each site, mailed at once."""
    box.troubles = []
    for site in sites:
        condition = Condition(state=State.NEEDS_TOKEN, since=box.clock.now(), reason=N_("refused"))
        found = channel_trouble(f"superservice/{site}", condition, title="SUPERSERVICE")
        assert found is not None
        box.troubles.append(found)
    await box.look()


@pytest.mark.parametrize("error", [UnicodeEncodeError("ascii", "ü", 0, 1, "no"), KeyError("x"), RuntimeError("y")])
async def test_one_mails_trouble_is_its_own(box: Box, server: MailServer, error: Exception) -> None:
    box.mailer = Mailer(
        box.db, lambda: box.config, box.clock, box._credentials, Odd("rostock@x.example", error),
        troubles=lambda: box.troubles,
    )  # fmt: skip
    await queue(box, "rostock", "wismar")
    assert await box.mailer.send() is None
    assert server.recipients == [["wismar@x.example"]]
    (stuck,) = await box.db.read(mail.unsent)
    assert (stuck.recipient, type(error).__name__ in str(stuck.refused)) == ("rostock@x.example", True)
    (lost,) = (await box.db.read(mail.figures)).lost
    assert (lost.recipient, lost.count) == ("rostock@x.example", 1)


async def test_an_address_that_cant_be_encoded_holds_up_nobody_and_follows_the_settings(
    box: Box, server: MailServer
) -> None:
    good = box.config
    box.config = with_address(good, "rostock", "wärkstatt@rostock.example")
    await queue(box, "rostock", "wismar")
    await box.mailer.send()
    assert server.recipients == [["wismar@x.example"]]
    (refused,) = await box.db.read(mail.unsent)
    assert "SMTPUTF8" in str(refused.refused)
    box.config = with_address(good, "rostock", "werkstatt@güstrow.example")
    await box.mailer.send()
    assert server.recipients[1:] == [["werkstatt@xn--gstrow-3ya.example"]]
    assert server.mails[1]["To"] == "werkstatt@xn--gstrow-3ya.example"
    assert await box.db.read(mail.unsent) == []


async def test_a_refused_mail_is_retried_readdressed_or_dismissed_by_a_person(box: Box, server: MailServer) -> None:
    server.recipient_answers += ["550 5.1.1 unknown"] * 3
    await queue(box, "rostock", "wismar")
    await box.mailer.send()
    assert not server.recipients
    wismar, rostock = await box.db.read(mail.unsent)
    assert (await box.db.read(mail.figures)).refused == 2
    assert await box.mailer.retry(rostock.id, "chef@x.example") == 1
    server.recipient_answers.clear()
    await box.mailer.send()
    assert server.recipients == [["chef@x.example"]], "the settings don't take the chosen recipient back"
    assert await box.db.write(lambda tx: mail.dismiss(tx, wismar.id)) == 1
    assert (await box.db.read(mail.figures)).refused == 0
    await box.mailer.send()
    assert len(server.recipients) == 1
    with pytest.raises(NotFound):
        await box.mailer.retry(wismar.id)
    with pytest.raises(Invalid, match="isn't a mail address"):
        await box.mailer.retry(rostock.id, "a b@x.example\r\n")


async def test_a_test_mail_that_comes_through_ends_the_refusals_of_its_address(box: Box, server: MailServer) -> None:
    server.recipient_answers += ["550 5.1.1 unknown"]
    await queue(box, "rostock")
    await box.mailer.send()
    assert (await box.db.read(mail.figures)).refused == 1
    assert (await box.mailer.test("rostock")).error is None
    assert (await box.db.read(mail.figures)).refused == 0
    await box.mailer.send()
    assert [mail["Subject"].endswith("test mail") for mail in server.mails] == [True, False]


async def test_a_test_mail_to_a_strange_address_ends_in_a_sentence(box: Box, server: MailServer) -> None:
    for address in ("wärkstatt@rostock.example", "a@\ud800.example", "a\r\nb@x.example"):
        tested = await box.mailer.test("rostock", address)
        assert tested.error is not None
        assert str(tested.error)
    assert not server.mails


async def test_mails_that_cant_be_written_hold_up_no_others(box: Box, server: MailServer) -> None:
    odd = Finding(site="rostock", kind="conflict", subject="odd", since=box.clock.now(), facts={})
    fine = Finding(site="wismar", kind="conflict", subject="conflict", since=box.clock.now(), facts={"count": 1})
    box.troubles = [odd, fine, Finding(site="rostock", kind="no such kind", subject="x", since=box.clock.now())]
    failures = Failures(box.clock)
    box.mailer = Mailer(
        box.db, lambda: box.config, box.clock, box._credentials, SmtpTransport(), troubles=lambda: box.troubles,
        failures=failures,
    )  # fmt: skip
    await box.look()
    due = await box.look(2 * MINUTE)
    assert due is not None
    assert due >= box.clock.now() + MINUTE, "it doesn't spin"
    assert [one.recipient for one in await box.queued()] == ["wismar@x.example"]
    assert len(failures.open) == 2
    box.troubles = [fine]
    await box.look(MINUTE)
    assert not failures.open or len(failures.open) == 1


async def test_without_a_server_nobody_is_told_and_it_is_known(box: Box) -> None:
    box.config = settings()
    box.config = replace(box.config, mail=replace(box.config.mail, host=""))
    assert await box.look() is None
    assert not box.mailer.has_server
    box.login = {"host": "127.0.0.1"}
    await box.look()
    assert box.mailer.has_server, "an entry of the credential store names one"


async def test_a_refused_login_is_reported_and_so_is_its_end(box: Box, tmp_path: Path) -> None:
    results: list[tuple[str, bool]] = []

    async def logged_in(site: str, accepted: bool) -> None:
        results.append((site, accepted))

    box.mailer = Mailer(
        box.db, lambda: box.config, box.clock, box._credentials, SmtpTransport(), troubles=lambda: box.troubles,
        logged_in=logged_in,
    )  # fmt: skip
    async with MailServer(logins={"box": "right"}) as there:
        box.config = settings(there.port)
        await queue(box, "rostock")
        box.login = {"user_name": "box", "password": "wrong"}
        await box.mailer.send()
        assert results == [("rostock", False)]
        box.login = {"user_name": "box", "password": "right"}
        box.clock.advance(timedelta(hours=2))
        await box.mailer.send()
        assert results == [("rostock", False), ("rostock", True)]
        assert there.recipients == [["rostock@x.example"]]


class Deaf(SmtpTransport):
    """A transport that doesn't notice its cancellation, as Python 3.11's `asyncio.wait_for` when the answer comes at
    the same moment."""

    def __init__(self) -> None:
        super().__init__()
        self.opening, self.go_on = asyncio.Event(), asyncio.Event()

    async def open(self, server: Server, dialogue: list[str] | None = None) -> Connection:
        self.opening.set()
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            raise OSError("cut off") from None
        raise AssertionError("nobody answers")


async def test_a_stop_ends_it_though_the_mail_server_answers_at_the_same_moment(box: Box) -> None:
    await queue(box, "rostock")
    deaf = Deaf()
    box.mailer = Mailer(box.db, lambda: box.config, box.clock, box._credentials, deaf, troubles=lambda: box.troubles)
    running = asyncio.create_task(box.mailer.run())
    async with asyncio.timeout(10):
        await deaf.opening.wait()
        running.cancel()
        await asyncio.wait({running})
    assert running.cancelled()
