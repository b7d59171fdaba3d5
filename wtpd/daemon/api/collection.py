"""Records that are listed, made, read and changed in the same way: customers, vehicles, advisors, cars, closures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from wtpd.daemon.api.call import Answer, Call, Role, answer
from wtpd.daemon.api.once import once
from wtpd.daemon.api.routes import Route
from wtpd.daemon.api.shapes import Input, given, patch_of, values_of
from wtpd.planner.history import Author
from wtpd.store.database import Database, Tx

T = TypeVar("T")


class Page(msgspec.Struct, Generic[T], frozen=True):
    """One page of a list; `next_cursor` null: the last one. `similar`, where it stands: nothing fits what was searched
    for, these nearly do."""

    items: list[T]
    next_cursor: str | None = None
    similar: bool | UnsetType = UNSET


def cut(found: list[T], limit: int) -> tuple[list[T], str | None]:
    """The page out of records of which one more than `limit` was asked for; its cursor is the id of the last one."""
    kept: list[Any] = found[:limit]
    return kept, str(kept[-1].id) if len(found) > limit else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of record. `shape` is what callers send, `record` what they get; `find` gives one page, the cursor of
    the next, and whether these are only similar. `fixed` fields can't be changed. `made`: what a new one is answered
    as, made of it by `tell` in the caller's language, if that says more than the record."""

    path: str
    one: str
    many: str
    shape: type[Input]
    record: type[Any]
    query: type[msgspec.Struct]
    find: Callable[[Tx, Any], tuple[list[Any], str | None] | tuple[list[Any], str | None, bool]]
    get: Callable[[Tx, str], Any]
    make: Callable[[Tx, dict[str, Any], Author], Any]
    change: Callable[[Tx, str, Mapping[str, Any], Author, int | None], Any]
    fixed: frozenset[str] = frozenset()
    made: type[Any] | None = None
    tell: Callable[[Tx, Any, str], Any] = lambda tx, record, language: record


class Collection:
    """The routes of one kind of record."""

    def __init__(self, db: Database, kind: Kind) -> None:
        self._db = db
        self._kind = kind
        self._patch = patch_of(kind.shape, without=kind.fixed)

    def routes(self) -> list[Route]:
        kind = self._kind
        one = partial(Route, path=f"{kind.path}/{{id}}", result=kind.record)
        return [
            Route(
                method="GET", path=kind.path, role=Role.READ, handler=self.list, query=kind.query,
                result=Page[kind.record], summary=f"List {kind.many}",  # type: ignore[name-defined] # a type as a value
            ),
            Route(
                method="POST", path=kind.path, role=Role.ADMIN, handler=self.make, body=kind.shape,
                result=kind.made or kind.record, status=201, repeatable=True, summary=f"Make a {kind.one}",
            ),
            one(method="GET", role=Role.READ, handler=self.get, summary=f"One {kind.one}"),
            one(
                method="PATCH", role=Role.ADMIN, handler=self.change, body=self._patch, patch=True, versioned=True,
                summary=f"Change a {kind.one}",
            ),
        ]  # fmt: skip

    async def list(self, call: Call) -> Answer:
        found = await self._db.read(lambda tx: self._kind.find(tx, call.query))
        return answer(Page(*found))

    async def get(self, call: Call) -> Answer:
        record = await self._db.read(lambda tx: self._kind.get(tx, call.params["id"]))
        return answer(record, etag=record.version)

    async def make(self, call: Call) -> Answer:
        values = values_of(call.body, self._kind.record)

        def work(tx: Tx) -> Answer:
            record = self._kind.make(tx, values, call.author)
            content = self._kind.tell(tx, record, call.language)
            return answer(content, status=201, etag=record.version, location=f"{self._kind.path}/{record.id}")

        return await self._db.write(once(call, work))

    async def change(self, call: Call) -> Answer:
        changes = given(call.body, self._kind.shape, self._kind.record)
        expected = call.expected_version
        record = await self._db.write(
            lambda tx: self._kind.change(tx, call.params["id"], changes, call.author, expected)
        )
        return answer(record, etag=record.version)
