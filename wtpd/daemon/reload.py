"""The settings in force, and how new ones come into force: by a hand edit, by SIGHUP, or through the API.

A text that doesn't pass leaves the last good settings in force; what is wrong with it is kept and shown until the file
is mended (spec: config.md).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from wtpd.clock import Clock
from wtpd.config import tree
from wtpd.config.channels import Wanted
from wtpd.config.diff import Changes, diff
from wtpd.config.edit import Change
from wtpd.config.errors import ConfigErrors
from wtpd.config.file import ConfigFile, Edited, FileText, etag, read, shown_diff
from wtpd.config.load import Loaded
from wtpd.config.model import Config
from wtpd.config.watch import Notices, Seen, watch
from wtpd.daemon.logs import MESSAGES
from wtpd.daemon.losses import Held, Loss, changed_channels, find
from wtpd.daemon.needs_restart import Difference, SetAtStart, tell
from wtpd.errors import Refused, Unavailable, VersionMismatch, WtpdError
from wtpd.store import channels as store
from wtpd.store.database import Database, Tx
from wtpd.texts import N_

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


def start(file: ConfigFile) -> tuple[InForce, WtpdError | None]:
    """The settings to begin with: those of the file, or, if it is broken, the last good ones with what is wrong.
    Blocking. Raises what is wrong with the file if there are no last good ones."""
    try:
        seen = file.read()
        return InForce(file.check(seen.text), seen.text, seen.etag), None
    except WtpdError as error:
        before = last_good(file)
        if before is None:
            raise
        return before, error


def last_good(file: ConfigFile) -> InForce | None:
    """The newest version of the history that passes. Blocking."""
    for version in file.history.versions():
        text = file.history.text(version.number)
        if file.passes(text):
            log.info("Version %d of the settings, of %s, is the last good one", version.number, version.at)
            return InForce(file.check(text), text, etag(text.encode("utf-8")))
    return None


async def begin(
    file: ConfigFile, in_force: InForce, fault: WtpdError | None, db: Database, clock: Clock
) -> tuple[InForce, WtpdError | None]:
    """As `start` found it, unless the file was changed while nobody watched and lacks something that appointments hang
    on: then the settings before stay in force, too."""
    if fault is not None:
        return in_force, fault
    newest = await asyncio.to_thread(file.history.newest_text)
    before = await asyncio.to_thread(last_good, file) if newest not in (None, in_force.text) else None
    if before is not None:
        losses = await db.read(lambda tx: find(tx, before.config, in_force.config, file.manifests))
        if losses:
            return before, Held(losses, in_force.etag)
    await asyncio.to_thread(lambda: file.history.record(in_force.text, author=BY_HAND, at=clock.now()))
    return in_force, None


@dataclass(frozen=True, slots=True)
class Rollback:
    """What an old version would do: its `text`, the difference from the file as it is, appointments to come that are
    cancelled at partners, past ones that are let go (`unlinks`), appointments that are sent, what it lacks, and the
    channels whose mapping it changes."""

    text: str
    diff: str
    cancels: int
    unlinks: int
    sends: int
    losses: list[Loss]
    channels: list[Wanted]
    etag: str

    @property
    def stops(self) -> int:
        """Appointments to come that are no longer exchanged, or kept by nobody."""
        return sum(one.count.coming for one in self.losses)


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
        self.at_start: SetAtStart | None = None
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
        return self.at_start.against(self.config) if self.at_start is not None else []

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
        except Exception:
            log.exception("The watch of %s failed: it is looked at every %.0f s", self.file.path, LOOK_EVERY)
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
        """Bring what stands in the file into force, or say what is wrong with it. What fails unexpectedly is logged
        and shown like an error of the file: it must not end who watches it."""
        async with self._lock:
            try:
                await self._take(seen, author)
            except Exception as error:
                log.exception("New settings couldn't be applied")
                name = type(error).__name__
                await self._reject(
                    Unavailable(N_("the settings couldn't be applied ({error}); the log says more", error=name))
                )

    async def preview(self, changes: Sequence[Change], *, expected: str | None) -> Edited:
        return await asyncio.to_thread(lambda: self.file.preview(changes, expected=expected))

    async def change(self, changes: Sequence[Change], *, expected: str | None, author: str) -> Edited:
        """Write changes into the file and bring them into force. Raises `ConfigErrors`, `VersionMismatch`, …"""
        async with self._lock:
            edited = await self.preview(changes, expected=expected)
            await self._refuse_if_held()
            await self._save(edited.text, expected=edited.etag, author=author)
        return edited

    async def plan_rollback(self, version: int) -> Rollback:
        """What going back to an old version would do. Raises `NotFound`, and `ConfigErrors` if it doesn't pass."""
        text = await asyncio.to_thread(self.file.history.text, version)
        config = (await asyncio.to_thread(self.file.check, text)).config
        try:
            current = await asyncio.to_thread(self.file.read)
        except WtpdError:
            current = FileText("", "")
        channels = changed_channels(self.config, config, self.file.manifests)

        def count(tx: Tx) -> tuple[list[store.Effect], list[Loss]]:
            effects = [store.preview(tx, one.id, one.site, one.department or "", one.account or "") for one in channels]
            losses = find(tx, self.config, config, self.file.manifests)
            return effects, losses

        effects, losses = await self._db.read(count)
        difference = await asyncio.to_thread(
            shown_diff, current.text, text, before=f"{self.file.path.name} now", after=f"version {version}"
        )
        return Rollback(
            text=text,
            diff=difference,
            cancels=sum(one.cancels for one in effects),
            unlinks=sum(one.unlinks for one in effects),
            sends=sum(one.sends for one in effects),
            losses=losses,
            channels=channels,
            etag=current.etag,
        )

    async def rollback(self, plan: Rollback, *, expected: str | None, author: str) -> None:
        """Write the old version of the plan and bring it into force; with `expected` (an etag) only if the file is
        still that."""

        def confirm(tx: Tx) -> None:
            for one in plan.channels:
                store.confirm(tx, one.id, one.department or "", one.account or "")

        async with self._lock:
            await self._db.write(confirm)
            await self._save(plan.text, expected=expected or None, author=author)

    async def accept(self, expected: str, *, author: str) -> None:
        """Bring a held file into force. Raises `VersionMismatch` if the file isn't the one with the etag `expected`
        any more, `Refused` if none is held."""
        async with self._lock:
            seen = await asyncio.to_thread(self.file.read)
            if seen.etag != expected:
                await self._take(seen, BY_HAND)
                text = N_("{path} was changed meanwhile; look again at what it lacks", path=self.file.path)
                raise VersionMismatch(text, facts={"etag": seen.etag})
            if self.held is None:
                raise Refused(N_("nothing waits for a confirmation"), kind="nothing-held")
            await self._take(seen, author, confirmed=True)

    @property
    def held(self) -> Held | None:
        """The file that waits for a confirmation."""
        error = self.fault.error if self.fault is not None else None
        return error if isinstance(error, Held) else None

    async def losses(self, config: Config) -> list[Loss]:
        """What these settings lack of those in force, and appointments hang on."""
        return await self._db.read(lambda tx: find(tx, self.config, config, self.file.manifests))

    async def _refuse_if_held(self) -> None:
        """A change through the API doesn't carry along what somebody cut off by hand."""
        seen = await asyncio.to_thread(self.file.read)
        if seen.etag != self.in_force.etag:
            loaded = await asyncio.to_thread(self.file.check, seen.text)
            if losses := await self.losses(loaded.config):
                raise Held(losses, seen.etag)

    async def _save(self, text: str, *, expected: str | None, author: str) -> None:
        await asyncio.to_thread(lambda: self.file.save(text, expected=expected))
        await self._take(await asyncio.to_thread(self.file.read), author, confirmed=True)

    async def _take(self, seen: Seen, author: str, *, confirmed: bool = False) -> None:
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
        if not confirmed and (losses := await self.losses(loaded.config)):
            await self._hold(Held(losses, seen.etag))
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

    async def _hold(self, held: Held) -> None:
        if self.held is not None and self.held.etag == held.etag:
            return  # told already
        self.fault = Fault(held, self._clock.now())
        await self._db.write(lambda tx: tx.emit("config.held", losses=len(held.losses), coming=held.coming))
        log.error(
            "%s The last good settings stay in force. If it is meant: wtpd config accept", held.text,
            extra={"MESSAGE_ID": MESSAGES["config-held"]},
        )  # fmt: skip

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


def make_folder(folder: Path) -> None:
    """The data folder, made if it isn't there. Blocking. Raises `Unavailable` with what an ordinary user gives."""
    try:
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        usable = os.access(folder, os.W_OK | os.X_OK)
    except OSError:
        usable = False
    if not usable:
        text = N_(
            "wtpd may not write into the data folder {path}. Without root, give places of your own: "
            "WTPD_SOCKET=./api.sock WTPD_KEY_FILE=./wtpd.key wtpd run --config wtpd.yaml --data-dir ./data",
            path=folder,
        )
        raise Unavailable(text)


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
