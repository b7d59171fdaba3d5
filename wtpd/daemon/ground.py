"""What there is before any part of the daemon: data folder, log book, settings, database, credential store."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from wtpd.clock import Clock
from wtpd.config.environment import Environment
from wtpd.config.file import ConfigFile
from wtpd.config.history import History
from wtpd.config.watch import Notices
from wtpd.connectors.registry import Registry
from wtpd.daemon import reload
from wtpd.daemon.credentials.resolve import Credentials
from wtpd.daemon.failures import Failures
from wtpd.daemon.health import FreeOf
from wtpd.daemon.log_book import LogBook
from wtpd.daemon.logs import Redactor
from wtpd.daemon.reload import Settings
from wtpd.store.database import Database
from wtpd.texts import load_catalogues

DATABASE = "wtpd.db"
HISTORY = "config-history"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What is there before any part. `state`: the daemon's, in a word; `free_of`: the free bytes at a place."""

    db: Database
    settings: Settings
    registry: Registry
    credentials: Credentials
    failures: Failures
    folder: Path
    log_book: LogBook
    environ: Mapping[str, str]
    clock: Clock
    chance: random.Random
    free_of: FreeOf
    state: Callable[[], str]
    version: str

    @property
    def database(self) -> Path:
        return self.folder / DATABASE

    async def close(self) -> None:
        """The last of all; safe to call twice."""
        await self.db.close()
        await asyncio.to_thread(self.log_book.close)


async def open_ground(
    environment: Environment,
    environ: Mapping[str, str],
    *,
    registry: Registry,
    redactor: Redactor,
    clock: Clock,
    chance: random.Random,
    free_of: FreeOf,
    state: Callable[[], str],
    apply: reload.Apply,
    notices: Notices | None,
) -> Ground:
    """Load the settings (the last good ones if the file is broken) and open the database. `apply` brings settings into
    force that come later. Raises `WtpdError`; nothing stays open then."""
    await asyncio.to_thread(load_catalogues)
    folder = await asyncio.to_thread(reload.data_folder, environment.config, environment.data_dir)
    await asyncio.to_thread(reload.make_folder, folder)
    manifests, providers = registry.manifests.values(), registry.providers
    history = History(folder / HISTORY)
    file = ConfigFile(environment.config, history, manifests=manifests, providers=providers.values())
    log_book = LogBook(folder, redactor)
    log_book.listen()
    try:
        in_force, fault = await asyncio.to_thread(reload.start, file)
        db = await Database.open(folder / DATABASE, clock=clock)
    except BaseException:
        log_book.close()
        raise
    try:
        await asyncio.to_thread(log_book.begin)  # the folder is ours now
        in_force, fault = await reload.begin(file, in_force, fault, db, clock)
        settings = Settings(file, in_force, fault, apply=apply, db=db, clock=clock, notices=notices)
        failures = Failures(clock)
        credentials = await Credentials.open(
            db, environ, folder, environment.key_file,
            settings=settings, redactor=redactor, clock=clock, providers=providers, failures=failures,
        )  # fmt: skip
        return Ground(
            db=db, settings=settings, registry=registry, credentials=credentials, failures=failures, folder=folder,
            log_book=log_book, environ=environ, clock=clock, chance=chance, free_of=free_of, state=state,
            version=await asyncio.to_thread(version, "wtpd"),
        )  # fmt: skip
    except BaseException:
        await db.close()
        await asyncio.to_thread(log_book.close)
        raise
