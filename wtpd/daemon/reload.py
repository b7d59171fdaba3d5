"""The settings in force, and how new ones come into force: by a hand edit, by SIGHUP, or through the API.

A text that doesn't pass leaves the last good settings in force; what is wrong with it is kept and shown until the file
is mended (spec: config.md).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from wtpd.clock import Clock
from wtpd.config import tree
from wtpd.config.diff import Changes, diff
from wtpd.config.edit import Change
from wtpd.config.errors import ConfigErrors
from wtpd.config.file import ConfigFile, Edited, FileText, read
from wtpd.config.load import Loaded
from wtpd.config.model import Config
from wtpd.config.watch import Notices, Seen, watch
from wtpd.daemon.fixed import Difference, Fixed, tell
from wtpd.daemon.logs import MESSAGES
from wtpd.errors import WtpdError
from wtpd.store.database import Database

log = logging.getLogger(__name__)

LOOK_EVERY = 30.0
BY_HAND = "file"
"""The author of what somebody wrote into the file."""

Apply = Callable[[Config, Changes], Awaitable[None]]
"""Brings new settings into force; what changed is said."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why the file as it is isn't in force, and since when."""

    error: WtpdError
    since: datetime


@dataclass(frozen=True, slots=True)
class InForce:
    """The settings that rule now. `etag` is that of the text they came from."""

    loaded: Loaded
    text: str
    etag: str

    @property
    def config(self) -> Config:
        return self.loaded.config


def start(file: ConfigFile, now: datetime) -> tuple[InForce, WtpdError | None]:
    """The settings to begin with: those of the file, or, if it is broken, the last good ones with what is wrong.
    Blocking. Raises what is wrong with the file if there are no last good ones."""
    try:
        seen = file.read()
        in_force = InForce(file.check(seen.text), seen.text, seen.etag)
    except WtpdError as error:
        for version in file.history.versions():
            text = file.history.text(version.number)
            if file.passes(text):
                log.error("%s doesn't pass; version %d of %s is in force", file.path, version.number, version.at)
                return InForce(file.check(text), text, ""), error
        raise
    file.history.record(seen.text, author=BY_HAND, at=now)
    return in_force, None


class Settings:
    """Holds what is in force and takes new texts, one at a time."""

    def __init__(
        self,
        file: ConfigFile,
        in_force: InForce,
        fault: WtpdError | None,
        *,
        apply: Apply,
        db: Database,
        clock: Clock,
        notices: Notices | None = None,
    ) -> None:
        self.file = file
        self.in_force = in_force
        self.fault = None if fault is None else Fault(fault, clock.now())
        self.fixed: Fixed | None = None
        """Set once the daemon listens."""
        self._apply = apply
        self._db = db
        self._clock = clock
        self._notices = notices
        self._lock = asyncio.Lock()

    @property
    def config(self) -> Config:
        return self.in_force.config

    @property
    def unapplied(self) -> list[Difference]:
        """What the settings say that can't be in force before the next start."""
        return self.fixed.against(self.config) if self.fixed is not None else []

    async def watch(self, stop: asyncio.Event) -> None:
        """Take hand edits until `stop` is set; looks at the file now and then where the kernel gives no notices."""
        known = FileText(self.in_force.text, self.in_force.etag) if self.fault is None else None
        try:
            await watch(
                self.file.path,
                known,
                self.take,
                passes=self.file.passes,
                clock=self._clock,
                stop=stop,
                notices=self._notices,
            )
        except OSError as error:
            log.error("%s can't be watched (%s): it is looked at every %.0f s", self.file.path, error, LOOK_EVERY)
        while not stop.is_set():
            await self._clock.sleep(LOOK_EVERY)
            await self.reload()

    async def reload(self) -> None:
        """Look at the file now, whatever the watch has seen."""
        try:
            seen: Seen = await asyncio.to_thread(self.file.read)
        except WtpdError as error:
            seen = error
        await self.take(seen)

    async def take(self, seen: Seen, author: str = BY_HAND) -> None:
        """Bring what stands in the file into force, or say what is wrong with it."""
        async with self._lock:
            await self._take(seen, author)

    async def preview(self, changes: Sequence[Change], *, expected: str | None) -> Edited:
        return await asyncio.to_thread(lambda: self.file.preview(changes, expected=expected))

    async def change(self, changes: Sequence[Change], *, expected: str | None, author: str) -> Edited:
        """Write changes into the file and bring them into force. Raises `ConfigErrors`, `VersionMismatch`, …"""
        async with self._lock:
            edited = await self.preview(changes, expected=expected)
            await self._save(edited.text, expected=edited.etag, author=author)
        return edited

    async def rollback(self, version: int, *, author: str) -> None:
        """Write an old version and bring it into force."""
        async with self._lock:
            text = await asyncio.to_thread(self.file.history.text, version)
            await self._save(text, expected=None, author=author)

    async def _save(self, text: str, *, expected: str | None, author: str) -> None:
        await asyncio.to_thread(lambda: self.file.save(text, expected=expected))
        await self._take(await asyncio.to_thread(self.file.read), author)

    async def _take(self, seen: Seen, author: str) -> None:
        if isinstance(seen, WtpdError):
            await self._reject(seen)
            return
        if seen.etag == self.in_force.etag and self.fault is None:
            return
        try:
            loaded = await asyncio.to_thread(self.file.check, seen.text)
        except WtpdError as error:
            await self._reject(error)
            return
        await self._bring_into_force(InForce(loaded, seen.text, seen.etag), author)

    async def _bring_into_force(self, fresh: InForce, author: str) -> None:
        changes = diff(self.in_force.config, fresh.config)
        await asyncio.to_thread(lambda: self.file.history.record(fresh.text, author=author, at=self._clock.now()))
        self.in_force, self.fault = fresh, None
        await self._apply(fresh.config, changes)
        sections = sorted(changes.sections)
        await self._db.write(lambda tx: tx.emit("config.applied", sections=sections))
        log.info(
            "Configuration applied (%s); changed: %s", author, ", ".join(sections) or "nothing",
            extra={"ACTOR": author, "MESSAGE_ID": MESSAGES["config-applied"]},
        )  # fmt: skip
        tell(self.unapplied)

    async def _reject(self, error: WtpdError) -> None:
        self.fault = Fault(error, self.fault.since if self.fault else self._clock.now())
        count = len(error.errors) if isinstance(error, ConfigErrors) else 1
        await self._db.write(lambda tx: tx.emit("config.rejected", errors=count))
        lines = error.render() if isinstance(error, ConfigErrors) else str(error)
        log.error(
            "Configuration rejected, the last good one stays in force:\n%s", lines,
            extra={"MESSAGE_ID": MESSAGES["config-rejected"]},
        )  # fmt: skip


def data_folder(file: Path, environment_folder: Path | None) -> Path:
    """Where the database is, asked of the file before it is known to be right: even a broken one mostly says."""
    if environment_folder is not None:
        return environment_folder
    try:
        text = read(file).text
    except WtpdError:
        text = ""
    return Path(_data_dir(text) or Config().data_dir)


def _data_dir(text: str) -> str | None:
    """As YAML, however it is written; from a file that isn't YAML at the moment, as the line that says it."""
    with contextlib.suppress(ConfigErrors):
        root, _ = tree.parse(text, "")
        found = tree.find(root, ["data_dir"])
        return found.text if found is not root and isinstance(found, tree.Scalar) else None
    for line in text.splitlines():
        if line.startswith("data_dir:"):
            value = line.removeprefix("data_dir:").partition("#")[0].strip().strip("\"'").strip()
            return value if value.startswith("/") else None
    return None
