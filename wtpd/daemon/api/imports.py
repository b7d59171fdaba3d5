"""`POST /v1/import`: exported files into the book, all of them or nothing, with line-exact problems."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

from msgspec import Meta, Struct

from wtpd.book.book import Book
from wtpd.daemon.api.call import Answer, Call, Role, answer
from wtpd.daemon.api.once import once
from wtpd.daemon.api.routes import MEGABYTE, Route
from wtpd.daemon.api.shapes import Sign
from wtpd.daemon.reload import Settings
from wtpd.planner.history import Author
from wtpd.store.database import Database, Tx

LIMIT = 20 * MEGABYTE


class FileInput(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`content`: the file in base64. `kind`: what it holds, if its headings don't say."""

    name: Annotated[str, Meta(min_length=1, max_length=200)]
    content: bytes
    kind: Literal["customers", "vehicles", "advisors", "courtesy_cars", "appointments"] | None = None


class ImportInput(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`files` in any order. `site_map`: what they call a site → its id, where name and city don't say."""

    files: Annotated[list[FileInput], Meta(min_length=1, max_length=100)]
    site_map: Annotated[dict[Annotated[str, Meta(max_length=200)], Sign], Meta(max_length=1000)] = {}


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


class ImportRoutes:
    def __init__(self, db: Database, book: Book, settings: Settings) -> None:
        self._db = db
        self._book = book
        self._settings = settings

    def routes(self) -> list[Route]:
        return [
            Route(
                method="POST", path="/v1/import", role=Role.ADMIN, handler=self.post, body=ImportInput,
                result=ImportView, repeatable=True, max_body=LIMIT, seconds=600, summary="Import exported files",
            )
        ]  # fmt: skip

    async def post(self, call: Call) -> Answer:
        from wtpd.book import importing  # rarely used, and not small

        wanted: ImportInput = call.body
        files = [importing.ImportFile(file.name, file.content, file.kind) for file in wanted.files]
        prepared = await asyncio.to_thread(importing.prepare, files)
        sites = {**importing.site_names(self._settings.config.sites), **wanted.site_map}
        author = Author(actor=call.author.actor, channel="import")

        def work(tx: Tx) -> Answer:
            result = importing.apply(tx, self._book, prepared, sites, author)
            kinds = {
                kind: CountsView(counts.created, counts.changed, counts.unchanged)
                for kind, counts in result.counts.items()
            }
            view = ImportView(
                created=sum(one.created for one in kinds.values()),
                changed=sum(one.changed for one in kinds.values()),
                unchanged=sum(one.unchanged for one in kinds.values()),
                over_limit=result.over_limit,
                kinds=kinds,
                warnings=[Warned(one.field, one.text.render(call.language)) for one in result.warnings],
            )
            return answer(view)

        return await self._db.write(once(call, work))
