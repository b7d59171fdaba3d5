"""`/v1/config`: read, check, change, history, roll back. The file is the daemon's to write; comments stay."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Annotated, Any

from msgspec import Meta, Struct

from wtpd.config import show
from wtpd.config.errors import ConfigErrors
from wtpd.config.mask import masked
from wtpd.config.schema import schema
from wtpd.daemon.api.call import Answer, Call, Role, answer
from wtpd.daemon.api.collection import Page
from wtpd.daemon.api.routes import Route
from wtpd.daemon.reload import Settings
from wtpd.errors import WtpdError

PATH = "/v1/config"


class ConfigError(Struct, frozen=True):
    """One error of the file; `message` has place and sentence in one line. `line` 0: the file as a whole."""

    line: int
    column: int
    path: str
    detail: str
    message: str


class Setting(Struct, frozen=True):
    """One value in force; `origin` is `wtpd.yaml:12` or `default`."""

    path: str
    value: Any
    origin: str


class ConfigView(Struct, frozen=True):
    """`text` is what stands in the file, without what looks like a secret; `settings` what is in force: the last good
    ones while there are `errors`."""

    file: str
    text: str
    settings: list[Setting]
    errors: list[ConfigError]
    since: str | None


class CheckInput(Struct, frozen=True, forbid_unknown_fields=True):
    text: Annotated[str, Meta(max_length=500_000)]


class Checked(Struct, frozen=True):
    ok: bool
    errors: list[ConfigError]


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
    version: Annotated[int, Meta(ge=1, le=10_000_000)]


class ConfigRoutes:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings

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
                method="POST", path=f"{PATH}/rollback", handler=self.rollback, body=RollbackInput, result=ConfigView,
                summary="Bring an old version back",
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
        return answer(schema())

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
        await self._settings.rollback(call.body.version, author=call.author.actor)
        return await self._view(call.language)

    async def check(self, call: Call) -> Answer:
        try:
            await asyncio.to_thread(self._settings.file.check, call.body.text)
        except WtpdError as error:
            return answer(Checked(False, errors_of(error, call.language)))
        return answer(Checked(True, []))

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
            settings=[Setting(one.path, one.value, one.origin(name)) for one in in_force],
            errors=errors_of(fault.error, language) if fault else [],
            since=fault.since.isoformat() if fault else None,
        )
        return answer(view, etag=etag)


def errors_of(error: WtpdError, language: str) -> list[ConfigError]:
    """Each error with its place; one without a place stands for the whole file."""
    if not isinstance(error, ConfigErrors):
        detail = error.text.render(language)
        return [ConfigError(0, 0, "", detail, detail)]
    return [
        ConfigError(one.place.line, one.place.column, one.path, one.text.render(language), one.render(language))
        for one in error.errors
    ]
