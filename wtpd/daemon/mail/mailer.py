"""Status mails: looks what is wrong when something happened, writes the mails that are due, and brings them to the
server (spec: mail.md).

A mail is written into the database together with what it says about its incident, in one transaction; its Message-ID
stands before the first attempt. So nothing is told twice, and what the server didn't confirm is repeated under the
same Message-ID until it does. Nothing wakes up while nothing is due.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from wtpd.channel.errors import PartnerError
from wtpd.clock import Clock, full_jitter
from wtpd.config.model import Config, Site
from wtpd.daemon.failures import Failures
from wtpd.daemon.mail.addresses import BadAddress, on_wire
from wtpd.daemon.mail.incidents import Finding
from wtpd.daemon.mail.smtp import Connection, MailDelayed, MailRefused, Server, Transport
from wtpd.daemon.mail.writing import blank_letter, write_all_clear, write_mails
from wtpd.errors import Invalid, Problem, WtpdError
from wtpd.secrets.resolve import NoCredential
from wtpd.store import mail
from wtpd.store.database import Database, Event, Tx
from wtpd.texts import N_, Text

if TYPE_CHECKING:
    from wtpd.daemon.mail.compose import Compared

Credentials = Callable[[str], Awaitable[Mapping[str, str]]]
"""The fields of provider `email` for a site: `user_name` and `password`, and `host`, `port`, `security` where they
differ from the settings. Empty, or `NoCredential`, if there is no entry: then nobody logs in."""

LoginResult = Callable[[str, bool], Awaitable[None]]
"""Called with a site and whether the server took the login of that site's mails."""

Compare = Callable[[str], Awaitable[Sequence["Compared"]]]
"""Holds each channel of a site against the book; raises the errors of `wtpd.channel.errors`."""

WEEK, LATER = timedelta(days=7), timedelta(hours=1)

WAKING = ("attention.", "channel.", "config.", "credentials.")
"""Events after which something may have to be mailed."""
GATHER_SECONDS = 1.0
"""A burst of events is looked at once."""
BACKOFF, LONGEST_BACKOFF = 30.0, 3600.0
AFTER_AN_ERROR = timedelta(minutes=5)
GIVE_UP = timedelta(days=5)
"""RFC 5321, 4.5.4.1."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Tested:
    """What `wtpd mail test` found. `dialogue`: what was said, line by line (`>` by us, `<` by the server)."""

    sent_to: str
    error: Text | None
    dialogue: Sequence[str]


class Mailer:
    """One a daemon. `troubles` tells what is wrong with channels, settings and disk right now; call `wake` when that
    changed without an event."""

    def __init__(
        self,
        db: Database,
        config: Callable[[], Config],
        clock: Clock,
        credentials: Credentials,
        transport: Transport,
        *,
        troubles: Callable[[], Iterable[Finding]] = tuple,
        compare: Compare | None = None,
        chance: random.Random | None = None,
        logged_in: LoginResult | None = None,
        failures: Failures | None = None,
    ) -> None:
        self._db = db
        self._config = config
        self._clock = clock
        self._credentials = credentials
        self._transport = transport
        self._troubles = troubles
        self._compare = compare
        self._chance = chance or random.Random()  # noqa: S311 - for jitter only
        self._look = asyncio.Event()
        self._send = asyncio.Event()
        self._new_week = asyncio.Event()
        self._logged_in = logged_in
        self._failures = failures or Failures(clock)
        self._errors: dict[str, Text] = {}
        self.has_server = True
        """There is a mail server, in the settings or in an entry of the credential store."""

    @property
    def error(self) -> Text | None:
        """Why the mail server can't be reached; None while all is well."""
        return next(iter(self._errors.values()), None)

    async def run(self) -> None:
        """Until cancelled."""
        self._db.listeners.append(self._heard)
        try:
            async with asyncio.TaskGroup() as tasks:
                for name, woken, work, gather in (
                    ("mail: incidents", self._look, self.look, GATHER_SECONDS),
                    ("mail: sending", self._send, self.send, 0.0),
                    ("mail: all-clear", self._new_week, self.all_clear, 0.0),
                ):
                    tasks.create_task(self._loop(name, woken, work, gather), name=name)
        finally:
            self._db.listeners.remove(self._heard)

    def wake(self) -> None:
        """Something changed: look again."""
        self._look.set()
        self._send.set()
        self._new_week.set()

    async def look(self) -> datetime | None:
        """Write the mails that are due now; returns when the next one may be."""
        self.has_server = await self._is_there_a_server()
        if not self.has_server:
            return None
        config = self._config()
        troubles = [*self._troubles()]
        written = await self._db.write(lambda tx: write_mails(tx, config, troubles))
        for name, error in written.failed.items():
            self._failures.failed(f"mail about {name}", N_("Writing status mails"), error)
        self._failures.only("mail about ", {f"mail about {name}" for name in written.failed})
        if written.failed:
            again = self._clock.now() + AFTER_AN_ERROR
            return min(again, written.due) if written.due and written.due > self._clock.now() else again
        return written.due

    async def send(self) -> datetime | None:
        """Bring the waiting mails to the server; returns when to try again."""
        if not await self._is_there_a_server():
            return None
        await self._follow_settings()
        while waiting := await self._db.read(mail.due):
            for site in dict.fromkeys(each.site for each in waiting):
                await self._deliver(site, [each for each in waiting if each.site == site])
        return await self._db.read(mail.next_due)

    async def _is_there_a_server(self) -> bool:
        config = self._config()
        if config.mail.host:
            return True
        for site in config.sites:
            try:
                if site.status_mail and (await self._credentials(site.id)).get("host"):
                    return True
            except (WtpdError, PartnerError):
                continue
        return False

    async def _follow_settings(self) -> None:
        """Mails that wait, or were refused, go to the addresses that the settings name now."""
        config = self._config()
        sites = {site.id: site for site in config.sites if site.status_mail}

        def wanted(each: mail.Mail) -> tuple[str, str]:
            recipient = each.recipient
            if not each.chosen and each.site in sites:
                recipient = sites[each.site].status_mail or recipient
            return config.mail.sender or recipient, recipient

        def others(tx: Tx) -> list[mail.Mail]:
            found = mail.unsent(tx, limit=1000)
            return [each for each in found if wanted(each) != (each.sender, each.recipient)]

        def work(tx: Tx) -> None:
            from wtpd.daemon.mail.compose import addressed

            for each in others(tx):
                sender, recipient = wanted(each)
                message = addressed(each.message, sender, recipient)
                mail.readdress(tx, each.id, sender=sender, recipient=recipient, message=message, chosen=each.chosen)

        if await self._db.read(others):
            await self._db.write(work)

    async def retry(self, number: int | None, recipient: str | None = None) -> int:
        """Try an unsent mail again now, to another address if one is given; without a number, all of them. Says how
        many. Raises `NotFound`, and `Invalid` for an address that nothing can be sent to."""
        if number is None or recipient is None:
            return await self._db.write(lambda tx: mail.retry(tx, number))
        try:
            on_wire(recipient)
        except BadAddress as bad:
            raise Invalid(bad.text, problems=[Problem("to", bad.text)]) from None
        sender = self._config().mail.sender or recipient

        def work(tx: Tx) -> int:
            from wtpd.daemon.mail.compose import addressed

            message = addressed(mail.get_unsent(tx, number).message, sender, recipient)
            mail.readdress(tx, number, sender=sender, recipient=recipient, message=message, chosen=True)
            return 1

        return await self._db.write(work)

    async def all_clear(self) -> datetime | None:
        """With `mail.when: always`, tell each site once a week what was compared and found equal; returns when the
        next one is due. While something is wrong there, it waits."""
        config = self._config()
        if config.mail.when != "always" or self._compare is None or not await self._is_there_a_server():
            return None
        dues = []
        for site in config.sites:
            if not site.status_mail:
                continue
            name = f"mail: all-clear of {site.id}"
            try:
                dues.append(await self._all_clear_of(config, site, self._compare))
                self._failures.succeeded(name)
            except Exception as error:
                self._failures.failed(name, N_("The weekly comparison"), error)
                dues.append(self._clock.now() + LATER)
        return min(dues, default=None)

    async def _all_clear_of(self, config: Config, site: Site, compare: Compare) -> datetime:
        begun, wrong = await self._db.read(lambda tx: (mail.all_clear_at(tx, site.id), mail.open_incidents(tx)))
        now = self._clock.now()
        if begun is None:
            await self._db.write(lambda tx: mail.put_all_clear(tx, site.id))
            return now + WEEK
        if now < begun + WEEK:
            return begun + WEEK
        if any(incident.site == site.id for incident in wrong):
            return now + LATER
        try:
            found = await compare(site.id)
        except PartnerError:
            return now + LATER  # that partner has an incident of its own soon
        await self._db.write(lambda tx: write_all_clear(tx, config, site, found))
        return now + WEEK

    async def test(self, site: str, address: str | None = None) -> Tested:
        """Send a test mail to the site's status address, or another one, past the queue. Raises `Invalid` if there is
        no mail server or no address."""
        from wtpd.daemon.mail.compose import on_the_wire

        config = self._config()
        found = next((each for each in config.sites if each.id == site), None)
        recipient = address or (found and found.status_mail)
        if not await self._is_there_a_server():
            raise Invalid(N_("No mail server is set (mail.host)."))
        if found is None or not recipient:
            raise Invalid(N_("The site {site} has no address for status mails.", site=site))
        letter = blank_letter(config, found, self._clock.now(), recipient=recipient)
        words = letter.say(N_("This test mail of wtpd came through."))
        title = letter.say(N_("test mail"))
        subject = f"[{letter.site} · {letter.box}] {title}"
        message = on_the_wire(letter, subject, f"{words}\n", f"<p>{words}</p>\n")
        dialogue: list[str] = []
        error = None
        try:
            connection = await self._connect(site, dialogue)
            try:
                await connection.send(letter.sender, recipient, message)
            finally:
                await connection.close()
        except (MailDelayed, MailRefused) as failure:
            error = failure.text
        except Exception as failure:
            _log.exception("The test mail for %s failed", site)
            error = _stumbled(failure)
        if error is None:
            await self._db.write(lambda tx: mail.works(tx, recipient))
            self._errors.pop(site, None)
        else:
            dialogue.append(f"! {error}")
        return Tested(recipient, error, dialogue)

    def _heard(self, events: Sequence[Event], signals: frozenset[str]) -> None:
        if any(event.kind.startswith(WAKING) for event in events):
            self._look.set()
        if mail.SIGNAL in signals:
            self._send.set()

    async def _loop(
        self, name: str, woken: asyncio.Event, work: Callable[[], Awaitable[datetime | None]], gather: float = 0.0
    ) -> None:
        """Run `work` at the start, when woken, and when it said."""
        while True:
            woken.clear()
            try:
                due = await work()
                self._failures.succeeded(name)
            except Exception as error:  # whatever it is, the appointments matter more than the mails about them
                self._failures.failed(name, N_("Status mails"), error)
                due = self._clock.now() + AFTER_AN_ERROR
            _end_if_stopped()
            await self._wait(woken, due)
            if gather:
                await self._clock.sleep(gather)

    async def _wait(self, woken: asyncio.Event, due: datetime | None) -> None:
        if due is None:
            await woken.wait()
            return
        pause = max((due - self._clock.now()).total_seconds(), 0.0) + 0.5  # times are kept in whole seconds
        waiting = [asyncio.ensure_future(woken.wait()), asyncio.ensure_future(self._clock.sleep(pause))]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()

    async def _deliver(self, site: str, waiting: Sequence[mail.Mail]) -> None:
        """Try these mails, over one connection if nothing breaks it. A server in trouble leaves the rest for later;
        trouble with one mail is its own."""
        rest = list(waiting)
        while rest:
            try:
                connection = await self._connect(site)
            except MailDelayed as delay:
                await self._defer(rest, delay.text)
                return
            except Exception as error:
                _log.exception("The mail server of %s couldn't be used", site)
                await self._defer(rest, _stumbled(error))
                return
            self._errors.pop(site, None)
            try:
                while rest and await self._hand_over(connection, rest):
                    pass
            finally:
                await connection.close()

    async def _hand_over(self, connection: Connection, rest: list[mail.Mail]) -> bool:
        """Try the first of `rest` and take it off. True if the connection is good for the next one."""
        each = rest[0]
        try:
            await connection.send(each.sender, each.recipient, each.message)
        except MailRefused as refusal:
            await self._refuse(each, refusal.text)
        except MailDelayed as delay:
            await self._defer(rest if delay.connection else [each], delay.text)
            if delay.connection:
                rest.clear()
                return False
        except Exception as error:
            _log.exception("Mail %s couldn't be handed over", each.message_id)
            await self._refuse(each, _stumbled(error))
            rest.pop(0)
            return False
        else:
            await self._db.write(lambda tx: mail.sent(tx, each.id))
        rest.pop(0)
        return True

    async def _refuse(self, each: mail.Mail, reason: Text) -> None:
        _log.warning("Mail %s isn't sent: %s", each.message_id, reason)
        await self._db.write(lambda tx: mail.refused(tx, each.id, reason))

    async def _connect(self, site: str, dialogue: list[str] | None = None) -> Connection:
        """A connection that is logged in. Raises `MailDelayed`."""
        server = await self._server(site)
        try:
            connection = await self._transport.open(server, dialogue)
        except MailDelayed as delay:
            if delay.login and self._logged_in is not None:
                await self._logged_in(site, False)
            raise
        if server.user and self._logged_in is not None:
            await self._logged_in(site, True)
        return connection

    async def _defer(self, waiting: Sequence[mail.Mail], error: Text) -> None:
        site = waiting[0].site
        if site not in self._errors:
            _log.warning("Mails wait: %s", error)
        self._errors[site] = error
        now = self._clock.now()
        wait = timedelta(
            seconds=5 + full_jitter(waiting[0].attempts + 1, base=BACKOFF, cap=LONGEST_BACKOFF, chance=self._chance)
        )

        def work(tx: Tx) -> None:
            for each in waiting:
                if now - each.queued_at > GIVE_UP:
                    mail.refused(tx, each.id, N_("given up after {days} days: {error}", days=GIVE_UP.days, error=error))
                else:
                    mail.deferred(tx, each.id, error, wait)

        await self._db.write(work)

    async def _server(self, site: str) -> Server:
        settings = self._config().mail
        try:
            login = await self._credentials(site)
        except NoCredential:
            login = {}
        except (WtpdError, PartnerError) as error:
            text = error.text if isinstance(error, WtpdError) else N_("no credentials for the mail server")
            raise MailDelayed(text) from None
        host = login.get("host") or settings.host
        if not host:
            raise MailDelayed(N_("No mail server is set (mail.host)."))
        return Server(
            host=host,
            port=int(login.get("port") or settings.port),
            security=login.get("security") or settings.security,
            user=login.get("user_name", ""),
            password=login.get("password", ""),
        )


def _stumbled(error: Exception) -> Text:
    return N_("wtpd stumbled over an error of its own ({error})", error=type(error).__name__)


def _end_if_stopped() -> None:
    """Raises CancelledError if this task was cancelled and didn't notice: `asyncio.wait_for` of Python 3.11, which
    aiosmtplib uses, loses a cancellation that comes together with an answer (python/cpython#86296)."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
