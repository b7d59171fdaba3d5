"""`POST /v1/import`: exported files into the book, all of them or nothing, with line-exact problems. Large files are
uploaded before that, each by `PUT /v1/import/uploads/{id}`."""

from __future__ import annotations

import asyncio
import os
import re
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta, Struct

from wtpd.daemon.api.call import Answer, Call, Role, answer
from wtpd.daemon.api.errors import Http
from wtpd.daemon.api.once import first_answer, key_of, once
from wtpd.daemon.api.routes import MEGABYTE, Route
from wtpd.daemon.api.shapes import Sign
from wtpd.daemon.importer import Importer, open_upload
from wtpd.daemon.reload import Settings
from wtpd.errors import Invalid, Problem
from wtpd.planner.history import Author
from wtpd.store.database import Database
from wtpd.texts import N_

if TYPE_CHECKING:
    from wtpd.book.importing import ImportResult

LIMIT = 20 * MEGABYTE
"""Of a body with the files in it."""
UPLOAD_LIMIT = 64 * MEGABYTE
"""Of an uploaded file."""
LONGEST = 3600.0
"""Seconds that an import may take."""
_UPLOAD_ID = re.compile(r"[0-9a-f-]{32,36}")


class FileInput(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`content`: the file in base64; or `upload`: the id under which it was uploaded. `kind`: what it holds, if its
    headings don't say."""

    name: Annotated[str, Meta(min_length=1, max_length=200)]
    content: bytes | None = None
    upload: Annotated[str, Meta(max_length=36)] | None = None
    kind: Literal["customers", "vehicles", "advisors", "courtesy_cars", "appointments"] | None = None


class ImportInput(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`files` in any order. `site_map`: what they call a site → its id, where name and city don't say."""

    files: Annotated[list[FileInput], Meta(min_length=1, max_length=100)]
    site_map: Annotated[dict[Annotated[str, Meta(max_length=200)], Sign], Meta(max_length=1000)] = {}


class UploadView(Struct, frozen=True):
    """How many bytes were kept, for an hour."""

    size: int


class CountsView(Struct, frozen=True):
    created: int
    changed: int
    unchanged: int


class Warned(Struct, frozen=True):
    """Something to look at; `field` is `file:line:column`."""

    field: str
    detail: str


class ImportView(Struct, frozen=True):
    """What became of the records; `over_limit`: appointments beyond the load limit of their day, taken all the same."""

    created: int
    changed: int
    unchanged: int
    over_limit: int
    kinds: dict[str, CountsView]
    warnings: list[Warned]


class ProgressView(Struct, frozen=True):
    """How far the import is that is under way: `done` of `total` rows or records of this phase."""

    phase: Literal["idle", "reading", "checking", "writing", "telling"]
    done: int
    total: int


class ImportRoutes:
    def __init__(self, db: Database, importer: Importer, settings: Settings) -> None:
        self._db = db
        self._importer = importer
        self._settings = settings
        self._running: dict[tuple[int, str], asyncio.Task[Answer]] = {}

    def routes(self) -> list[Route]:
        return [
            Route(
                method="POST", path="/v1/import", role=Role.ADMIN, handler=self.post, body=ImportInput,
                result=ImportView, repeatable=True, max_body=LIMIT, seconds=LONGEST, summary="Import exported files",
            ),
            Route(
                method="PUT", path="/v1/import/uploads/{id}", role=Role.ADMIN, handler=self.put, result=UploadView,
                upload=True, max_body=UPLOAD_LIMIT, seconds=LONGEST, summary="Upload a file that is to be imported",
            ),
            Route(
                method="GET", path="/v1/import/progress", role=Role.READ, handler=self.progress, result=ProgressView,
                summary="How far the import is that is under way",
            ),
        ]  # fmt: skip

    async def put(self, call: Call) -> Answer:
        if not _UPLOAD_ID.fullmatch(call.params["id"]) or call.pieces is None:
            raise Http(404, "no-such-route", N_("There is nothing at this address."))
        await self._importer.make_room()
        path = self._importer.upload(call.caller.uid, call.params["id"])
        file, size = await asyncio.to_thread(open_upload, path), 0
        try:
            async for piece in call.pieces:
                await asyncio.to_thread(_write, file, piece)
                size += len(piece)
        except BaseException:
            await asyncio.shield(asyncio.to_thread(path.unlink, missing_ok=True))
            raise
        finally:
            os.close(file)
        return answer(UploadView(size))

    async def progress(self, call: Call) -> Answer:
        now = self._importer.progress
        return answer({"phase": now.phase, "done": now.done, "total": now.total})

    async def post(self, call: Call) -> Answer:
        """A repeated request waits for the first one."""
        first = await self._db.read(lambda tx: first_answer(tx, call))
        if first is not None:
            return first
        key = (call.caller.uid, key_of(call) or uuid.uuid4().hex)
        running = self._running.get(key)
        if running is None:
            running = self._running[key] = asyncio.create_task(self._import(call), name="import answered")
            running.add_done_callback(
                lambda done: self._running.pop(key, None) and (done.cancelled() or done.exception())
            )
        return await asyncio.shield(running)

    def _done(self, key: tuple[int, str], done: asyncio.Task[Answer]) -> None:
        del self._running[key]
        if not done.cancelled():
            done.exception()  # whoever waits has it; if nobody does, it is no news

    async def _import(self, call: Call) -> Answer:
        from wtpd.book import importing  # rarely used, and not small

        wanted: ImportInput = call.body
        contents = await asyncio.to_thread(lambda: [self._content(call, file) for file in wanted.files])
        files = [
            importing.ImportFile(file.name, content, file.kind)
            for file, content in zip(wanted.files, contents, strict=True)
        ]
        sites = {**importing.site_names(self._settings.config.sites), **wanted.site_map}
        author = Author(actor=call.author.actor, interface="import")
        result = await self._importer.run(files, sites, author)
        await asyncio.to_thread(self._forget_uploads, call, wanted)
        return await self._db.write(once(call, lambda tx: answer(_view(result, call.language))))

    def _content(self, call: Call, file: FileInput) -> Path | bytes:
        """What is to be read. Raises `Invalid` for an upload that isn't there (any more)."""
        if file.content is not None and file.upload is None:
            return file.content
        if file.upload is not None and file.content is None and _UPLOAD_ID.fullmatch(file.upload):
            path = self._importer.upload(call.caller.uid, file.upload)
            if path.is_file():
                return path
        text = N_("{name} wasn't uploaded, or too long ago; upload it again.", name=file.name)
        raise Invalid(text, problems=[Problem("files", text)])

    def _forget_uploads(self, call: Call, wanted: ImportInput) -> None:
        for file in wanted.files:
            if file.upload is not None:
                self._importer.upload(call.caller.uid, file.upload).unlink(missing_ok=True)


def _view(result: ImportResult, language: str) -> ImportView:
    kinds = {
        kind: CountsView(counts.created, counts.changed, counts.unchanged) for kind, counts in result.counts.items()
    }
    return ImportView(
        created=sum(one.created for one in kinds.values()),
        changed=sum(one.changed for one in kinds.values()),
        unchanged=sum(one.unchanged for one in kinds.values()),
        over_limit=result.over_limit,
        kinds=kinds,
        warnings=[Warned(one.field, one.text.render(language)) for one in result.warnings],
    )


def _write(file: int, piece: bytes) -> None:
    while piece:
        piece = piece[os.write(file, piece) :]
