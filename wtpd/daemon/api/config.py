"""`/v1/config`: read, check, change, history, roll back. The file is the daemon's to write; comments stay."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Annotated, Any

from msgspec import Meta, Struct

from wtpd.config import show
from wtpd.config.edit import unified
from wtpd.config.errors import ConfigError as FileError
from wtpd.config.errors import ConfigErrors
from wtpd.config.mask import masked
from wtpd.config.schema import schema
from wtpd.daemon.api.call import Answer, Call, Role, answer
from wtpd.daemon.api.collection import Page
from wtpd.daemon.api.routes import Route
from wtpd.daemon.losses import Held
from wtpd.daemon.needs_restart import SetAtStart
from wtpd.daemon.reload import Settings
from wtpd.errors import Refused, WtpdError
from wtpd.store.channels import MANY
from wtpd.store.database import Database
from wtpd.texts import N_

PATH = "/v1/config"


class ConfigError(Struct, frozen=True):
    """One error of the file; `message` has place and sentence in one line. `line` 0: the file as a whole."""

    line: int
    column: int
    path: str
    detail: str
    message: str


class Setting(Struct, frozen=True):
    """One value in force; `origin` is `wtpd.yaml:12`, `default`, the option or variable that gives it, `systemd` for a
    socket made by it, or `start` for what counts since the last start."""

    path: str
    value: Any
    origin: str


class LossView(Struct, frozen=True):
    """Something that a file lacks. `kind`: site, department, mapping or connector; `coming` and `past` appointments
    hang on it."""

    kind: str
    name: str
    coming: int
    past: int


class HeldView(Struct, frozen=True):
    """A file that waits for a confirmation, because it lacks what appointments hang on; `etag` is that of its text."""

    etag: str
    losses: list[LossView]
    diff: str


class ConfigView(Struct, frozen=True):
    """`text` is what stands in the file, without what looks like a secret; `settings` what is in force: the last good
    ones while there are `errors`, or while the file is `held`. `warnings` are about the settings in force."""

    file: str
    text: str
    settings: list[Setting]
    errors: list[ConfigError]
    since: str | None
    held: HeldView | None
    warnings: list[ConfigError]


class CheckInput(Struct, frozen=True, forbid_unknown_fields=True):
    text: Annotated[str, Meta(max_length=500_000)]


class Checked(Struct, frozen=True):
    """`warnings` refuse nothing: what the text says, but hardly means."""

    ok: bool
    errors: list[ConfigError]
    warnings: list[ConfigError]


class ChangeInput(Struct, frozen=True, forbid_unknown_fields=True):
    """`path` with ids for list items: `sites.rostock.status_mail`; `value` null takes the setting out."""

    path: Annotated[str, Meta(min_length=1, max_length=300)]
    value: Any


class Diff(Struct, frozen=True):
    """A unified diff; empty if nothing differs."""

    diff: str


class VersionView(Struct, frozen=True):
    """One applied version."""

    number: int
    at: str
    author: str


class PreviewQuery(Struct, frozen=True, forbid_unknown_fields=True):
    preview: bool = False


class DiffQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """`version`: from which on; the one in force if none is named."""

    version: Annotated[int, Meta(ge=1, le=10_000_000)] | None = None


class RollbackInput(Struct, frozen=True, forbid_unknown_fields=True):
    """`confirm`: how many appointments are meant, where the preview has more than 20 (`cancels` and `stops`)."""

    version: Annotated[int, Meta(ge=1, le=10_000_000)]
    confirm: Annotated[int, Meta(ge=0, le=10_000_000)] | None = None


class RolledBack(Struct, frozen=True):
    """What going back would do, or did: appointments to come that are cancelled at partners (their customers are told),
    past ones that stay there and are no longer kept up to date (`unlinks`), appointments that are sent, appointments to
    come that are no longer exchanged or kept (`stops`, by `losses`), and what changes in the file."""

    cancels: int
    unlinks: int
    sends: int
    stops: int
    losses: list[LossView]
    diff: str


class AcceptInput(Struct, frozen=True, forbid_unknown_fields=True):
    """`etag`: of the text that is accepted (`held.etag`); an older one than what is on the disk is refused."""

    etag: Annotated[str, Meta(min_length=1, max_length=64)]


class ConfigRoutes:
    def __init__(self, db: Database, settings: Settings) -> None:
        self._db = db
        self._settings = settings
        self._turn = asyncio.Semaphore(1)
        """Checks of other people's texts, one at a time: they cost processor time."""

    def routes(self) -> list[Route]:
        read = partial(Route, method="GET", role=Role.READ)
        write = partial(Route, role=Role.ADMIN)
        return [
            read(path=PATH, handler=self.get, result=ConfigView, summary="The file, what is in force, what is wrong"),
            write(
                method="PATCH", path=PATH, handler=self.change, query=PreviewQuery, versioned=True, result=Diff,
                body=Annotated[list[ChangeInput], Meta(min_length=1, max_length=200)], summary="Change single settings",
            ),
            read(path=f"{PATH}/schema", handler=self.schema, result=dict[str, Any], summary="JSON schema of the file"),
            read(path=f"{PATH}/history", handler=self.history, result=Page[VersionView], summary="Applied versions"),
            read(
                path=f"{PATH}/diff", handler=self.diff, query=DiffQuery, result=Diff,
                summary="What changed since a version",
            ),
            write(
                method="POST", path=f"{PATH}/rollback", handler=self.rollback, query=PreviewQuery, body=RollbackInput,
                result=RolledBack, summary="Bring an old version back, or see what that would do",
            ),
            write(
                method="POST", path=f"{PATH}/accept", handler=self.accept, body=AcceptInput, result=ConfigView,
                summary="Confirm a file that is held because it lacks something",
            ),
            Route(
                method="POST", path=f"{PATH}/check", role=Role.READ, handler=self.check, body=CheckInput,
                result=Checked, summary="Check a text as if it were the file",
            ),
        ]  # fmt: skip

    async def get(self, call: Call) -> Answer:
        return await self._view(call.language)

    async def change(self, call: Call) -> Answer:
        changes = [(one.path, one.value) for one in call.body]
        expected = None if call.tag == "*" else call.tag
        if call.query.preview:
            edited = await self._settings.preview(changes, expected=expected)
            return answer(Diff(edited.diff), etag=edited.etag)
        edited = await self._settings.change(changes, expected=expected, author=call.author.actor)
        return answer(Diff(edited.diff), etag=self._settings.in_force.etag)

    async def schema(self, call: Call) -> Answer:
        return answer(schema(self._settings.file.kinds))

    async def history(self, call: Call) -> Answer:
        versions = await asyncio.to_thread(self._settings.file.history.versions)
        return answer(Page([VersionView(one.number, one.at, one.author) for one in versions]))

    async def diff(self, call: Call) -> Answer:
        file = self._settings.file

        def work() -> str:
            version = call.query.version
            if version is None:
                newest = file.history.versions()
                version = newest[0].number if newest else 0
            return file.diff(version)

        return answer(Diff(await asyncio.to_thread(work)))

    async def rollback(self, call: Call) -> Answer:
        version = call.body.version
        plan = await self._settings.plan_rollback(version)
        losses = [LossView(one.kind, one.name, one.count.coming, one.count.past) for one in plan.losses]
        view = RolledBack(plan.cancels, plan.unlinks, plan.sends, plan.stops, losses, plan.diff)
        if call.query.preview:
            return answer(view, etag=plan.etag)
        concerned = plan.cancels + plan.stops
        if concerned > MANY and call.body.confirm != concerned:
            raise Refused(
                N_(
                    "This would cancel {cancels} appointments at partners and stop the exchange of {stops}; give their "
                    "number, {count}, to confirm it.",
                    cancels=plan.cancels, stops=plan.stops, count=concerned,
                ),
                kind="confirmation-needed",
                facts={"cancels": plan.cancels, "unlinks": plan.unlinks, "sends": plan.sends, "stops": plan.stops},
            )  # fmt: skip
        expected = call.tag if "if-match" in call.headers and call.tag != "*" else plan.etag
        await self._settings.rollback(plan, expected=expected, author=call.author.actor)
        return answer(view, etag=self._settings.in_force.etag)

    async def accept(self, call: Call) -> Answer:
        await self._settings.accept(call.body.etag, author=call.author.actor)
        return await self._view(call.language)

    async def check(self, call: Call) -> Answer:
        async with self._turn:
            try:
                loaded = await asyncio.to_thread(self._settings.file.check, call.body.text)
            except WtpdError as error:
                return answer(Checked(False, errors_of(error, call.language), []))
        return answer(Checked(True, [], [_error(one, call.language) for one in loaded.warnings]))

    async def _view(self, language: str) -> Answer:
        settings = self._settings
        name = settings.file.path.name
        fault = settings.fault
        try:
            seen = await asyncio.to_thread(settings.file.read)
            text, etag = masked(seen.text), seen.etag
        except WtpdError:
            text, etag = "", "none"
        in_force = show.in_force(settings.in_force.loaded)
        view = ConfigView(
            file=str(settings.file.path),
            text=text,
            settings=[_setting(one, name, settings.at_start) for one in in_force],
            errors=errors_of(fault.error, language) if fault and settings.held is None else [],
            since=fault.since.isoformat() if fault else None,
            held=self._held(settings.held, text),
            warnings=[_error(one, language) for one in settings.in_force.loaded.warnings],
        )
        return answer(view, etag=etag)

    def _held(self, held: Held | None, text: str) -> HeldView | None:
        if held is None:
            return None
        losses = [LossView(one.kind, one.name, one.count.coming, one.count.past) for one in held.losses]
        return HeldView(held.etag, losses, unified(masked(self._settings.in_force.text), text))


def _setting(one: show.Setting, name: str, at_start: SetAtStart | None) -> Setting:
    """Data folder and socket as they are since the start, whatever the file says now."""
    if at_start is not None and one.path == "data_dir" and str(at_start.folder) != one.value:
        return Setting(
            one.path, str(at_start.folder), "--data-dir, WTPD_DATA_DIR" if at_start.folder_by_environment else "start"
        )
    if at_start is not None and one.path == "api.socket" and str(at_start.socket) != one.value:
        origin = "systemd" if at_start.activated else "WTPD_SOCKET" if at_start.socket_by_environment else "start"
        return Setting(one.path, str(at_start.socket), origin)
    return Setting(one.path, one.value, one.origin(name))


def _error(one: FileError, language: str) -> ConfigError:
    return ConfigError(one.place.line, one.place.column, one.path, one.text.render(language), one.render(language))


def errors_of(error: WtpdError, language: str) -> list[ConfigError]:
    """Each error with its place; one without a place stands for the whole file."""
    if not isinstance(error, ConfigErrors):
        detail = error.text.render(language)
        return [ConfigError(0, 0, "", detail, detail)]
    return [_error(one, language) for one in error.errors]
