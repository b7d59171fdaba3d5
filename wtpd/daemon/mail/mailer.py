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

from wtpd.clock import Clock, full_jitter
from wtpd.config.model import Config, Site
from wtpd.daemon.mail.incidents import Trouble
from wtpd.daemon.mail.smtp import Connection, MailDelayed, MailRefused, Server, Transport
from wtpd.daemon.mail.writing import blank_letter, write_all_clear, write_mails
from wtpd.errors import Invalid, WtpdError
from wtpd.secrets.resolve import NoCredential
from wtpd.store import mail
from wtpd.store.database import Database, Event, Tx
from wtpd.sync.errors import PartnerError
from wtpd.texts import N_, Text

if TYPE_CHECKING:
    from wtpd.daemon.mail.compose import Compared

Credentials = Callable[[str], Awaitable[Mapping[str, str]]]
"""The fields of provider `email` for a site: `user_name` and `password`, and `host`, `port`, `security` where they
differ from the settings. Empty, or `NoCredential`, if there is no entry: then nobody logs in."""

Compare = Callable[[str], Awaitable[Sequence["Compared"]]]
"""Holds each channel of a site against the book; raises the errors of `wtpd.sync.errors`."""

WEEK, LATER = timedelta(days=7), timedelta(hours=1)

WAKING = ("attention.", "channel.", "config.")
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
        troubles: Callable[[], Iterable[Trouble]] = tuple,
        compare: Compare | None = None,
        chance: random.Random | None = None,
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
        self.error: Text | None = None
        """Why the mail server can't be reached; None while all is well."""

    async def run(self) -> None:
        """Until cancelled."""
        self._db.listeners.append(self._heard)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._loop(self._look, self.look, gather=GATHER_SECONDS), name="mail: incidents")
                tasks.create_task(self._loop(self._send, self.send), name="mail: sending")
                tasks.create_task(self._loop(self._new_week, self.all_clear), name="mail: all-clear")
        finally:
            self._db.listeners.remove(self._heard)

    def wake(self) -> None:
        """Something changed: look again."""
        self._look.set()
        self._send.set()
        self._new_week.set()

    async def look(self) -> datetime | None:
        """Write the mails that are due now; returns when the next one may be."""
        config = self._config()
        if not config.mail.host:
            return None
        troubles = [*self._troubles()]
        return await self._db.write(lambda tx: write_mails(tx, config, troubles))

    async def send(self) -> datetime | None:
        """Bring the waiting mails to the server; returns when to try again."""
        if not self._config().mail.host:
            return None
        while waiting := await self._db.read(mail.due):
            for site in dict.fromkeys(each.site for each in waiting):
                await self._deliver(site, [each for each in waiting if each.site == site])
        return await self._db.read(mail.next_due)

    async def all_clear(self) -> datetime | None:
        """With `mail.when: always`, tell each site once a week what was compared and found equal; returns when the
        next one is due. While something is wrong there, it waits."""
        config = self._config()
        if config.mail.when != "always" or not config.mail.host or self._compare is None:
            return None
        compare = self._compare
        return min(
            [await self._all_clear_of(config, site, compare) for site in config.sites if site.status_mail], default=None
        )

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
        if not config.mail.host:
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
            connection = await self._transport.open(await self._server(site), dialogue)
            try:
                await connection.send(letter.sender, recipient, message)
            finally:
                await connection.close()
        except (MailDelayed, MailRefused) as failure:
            error = failure.text
            dialogue.append(f"! {error}")
        return Tested(recipient, error, dialogue)

    def _heard(self, events: Sequence[Event], signals: frozenset[str]) -> None:
        if any(event.kind.startswith(WAKING) for event in events):
            self._look.set()
        if mail.SIGNAL in signals:
            self._send.set()

    async def _loop(
        self, woken: asyncio.Event, work: Callable[[], Awaitable[datetime | None]], gather: float = 0.0
    ) -> None:
        """Run `work` at the start, when woken, and when it said."""
        while True:
            woken.clear()
            try:
                due = await work()
            except Exception:  # whatever it is, the appointments matter more than the mails about them
                _log.exception("Status mails: tried again in %s", AFTER_AN_ERROR)
                due = self._clock.now() + AFTER_AN_ERROR
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
        """Try these mails over one connection. One that fails leaves them all for later."""
        try:
            connection = await self._transport.open(await self._server(site))
        except MailDelayed as delay:
            await self._defer(waiting, delay.text)
            return
        try:
            for number, each in enumerate(waiting):
                if not await self._hand_over(connection, each, waiting[number:]):
                    return
            self.error = None
        finally:
            await connection.close()

    async def _hand_over(self, connection: Connection, each: mail.Mail, rest: Sequence[mail.Mail]) -> bool:
        """True if the connection is good for the next one."""
        try:
            await connection.send(each.sender, each.recipient, each.message)
        except MailRefused as refusal:
            reason = refusal.text
            _log.warning("The mail server refuses mail %s: %s", each.message_id, reason)
            await self._db.write(lambda tx: mail.refused(tx, each.id, reason))
        except MailDelayed as delay:
            await self._defer(rest if delay.connection else [each], delay.text)
            return not delay.connection
        else:
            await self._db.write(lambda tx: mail.sent(tx, each.id))
        return True

    async def _defer(self, waiting: Sequence[mail.Mail], error: Text) -> None:
        if self.error is None:
            _log.warning("Mails wait: %s", error)
        self.error = error
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
        return Server(
            host=login.get("host") or settings.host,
            port=int(login.get("port") or settings.port),
            security=login.get("security") or settings.security,
            user=login.get("user_name", ""),
            password=login.get("password", ""),
        )
