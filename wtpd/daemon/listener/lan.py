"""The listener's parts, joined: what the daemon needs of it in one place."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path

from wtpd.book.push_port import PushPort
from wtpd.clock import Clock
from wtpd.config.model import Config
from wtpd.connectors.receiver import Receiver
from wtpd.daemon.failures import Failures
from wtpd.daemon.listener.app import ListenerApp
from wtpd.daemon.listener.apply import Applier, Waiters
from wtpd.daemon.listener.receivers import OfChannel
from wtpd.daemon.listener.service import ListenerService
from wtpd.daemon.listener.tokens import Tokens
from wtpd.errors import WtpdError
from wtpd.store import pushed
from wtpd.store.database import Database
from wtpd.texts import N_

log = logging.getLogger(__name__)

AGAIN = 30.0
"""Seconds until it is tried again after the database failed."""


class Lan:
    """Tokens, the service that listens, and the one that applies. `receivers`: the connectors whose partners send by
    themselves."""

    def __init__(
        self,
        db: Database,
        config: Callable[[], Config],
        receivers: Mapping[str, Receiver],
        folder: Path,
        environ: Mapping[str, str],
        clock: Clock,
        *,
        failures: Failures,
        secrets: OfChannel,
        refusal: Callable[[str, str], WtpdError | None],
        on_change: Callable[[], None],
    ) -> None:
        self.receivers = receivers
        self._db, self._clock, self._failures = db, clock, failures
        self.tokens = Tokens(db, clock, on_change)
        waiters = Waiters()
        self.applier = Applier(db, receivers, PushPort, folder, clock, failures=failures, ended=waiters)
        app = ListenerApp(
            db, self.tokens, receivers, waiters, clock, secrets=secrets,
            names=lambda: self.service.names, refusal=refusal, language=lambda: config().language,
        )  # fmt: skip
        self.service = ListenerService(app, config, folder, environ, clock, on_change=on_change)

    async def run(self) -> None:
        """Listen, until cancelled."""
        while not await self._begin():
            await self._clock.sleep(AGAIN)
        await self.service.run()

    async def stop(self, seconds: float) -> None:
        """Let the requests under way finish for so long."""
        await self.service.stop(seconds)

    async def _begin(self) -> bool:
        """Know the tokens, and forget what was coming in when the daemon ended; nobody was told that it is here."""
        try:
            await self.tokens.load()
            count = await self._db.write(pushed.drop_parts)
        except Exception as error:
            self._failures.failed("listener: begin", N_("Beginning to listen on the local network"), error)
            return False
        self._failures.succeeded("listener: begin")
        if count:
            log.warning("%d bodies weren't whole when the daemon ended: they are forgotten", count)
        return True
