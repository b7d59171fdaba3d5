"""`/v1/advisors`, `/v1/courtesy-cars`, `/v1/closures`: what a site works with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from wtpd.book.book import Book
from wtpd.daemon.api.call import NO_CONTENT, Answer, Call, Role
from wtpd.daemon.api.collection import Collection, Kind
from wtpd.daemon.api.routes import Route
from wtpd.daemon.api.shapes import AdvisorInput, ClosureInput, CourtesyCarInput, Name, Sign
from wtpd.errors import Refused
from wtpd.planner.changes import merged
from wtpd.planner.history import Author
from wtpd.planner.resources import Advisor, Closure, CourtesyCar
from wtpd.store import resources
from wtpd.store.database import Database, Tx
from wtpd.texts import N_


class SiteQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    site: Sign | None = None


class AdvisorQuery(SiteQuery, frozen=True, forbid_unknown_fields=True, kw_only=True):
    department: Name | None = None


def advisor_routes(db: Database, book: Book) -> list[Route]:
    def make(tx: Tx, values: dict[str, Any], author: Author) -> Advisor:
        _must_be_new(resources.find_advisor(tx, values["id"]), values["id"])
        return book.put_advisor(tx, Advisor(**values), author=author, expected_version=0)

    def change(tx: Tx, key: str, changes: Mapping[str, Any], author: Author, expected: int | None) -> Advisor:
        changed = merged(resources.get_advisor(tx, key), changes)
        return book.put_advisor(tx, changed, author=author, expected_version=expected)

    kind = Kind(
        path="/v1/advisors",
        one="service advisor",
        many="service advisors",
        shape=AdvisorInput,
        record=Advisor,
        query=AdvisorQuery,
        find=lambda tx, query: (resources.advisors(tx, site=query.site, department=query.department), None),
        get=resources.get_advisor,
        make=make,
        change=change,
        fixed=frozenset({"id"}),
    )
    return Collection(db, kind).routes()


def courtesy_car_routes(db: Database, book: Book) -> list[Route]:
    def make(tx: Tx, values: dict[str, Any], author: Author) -> CourtesyCar:
        _must_be_new(resources.find_courtesy_car(tx, values["id"]), values["id"])
        return book.put_courtesy_car(tx, CourtesyCar(**values), author=author, expected_version=0)

    def change(tx: Tx, key: str, changes: Mapping[str, Any], author: Author, expected: int | None) -> CourtesyCar:
        changed = merged(resources.get_courtesy_car(tx, key), changes)
        return book.put_courtesy_car(tx, changed, author=author, expected_version=expected)

    kind = Kind(
        path="/v1/courtesy-cars",
        one="courtesy car",
        many="courtesy cars",
        shape=CourtesyCarInput,
        record=CourtesyCar,
        query=SiteQuery,
        find=lambda tx, query: (resources.courtesy_cars(tx, site=query.site), None),
        get=resources.get_courtesy_car,
        make=make,
        change=change,
        fixed=frozenset({"id"}),
    )
    return Collection(db, kind).routes()


class Closures:
    def __init__(self, db: Database, book: Book) -> None:
        self._db = db
        self._book = book

        def change(tx: Tx, key: str, changes: Mapping[str, Any], author: Author, expected: int | None) -> Closure:
            changed = merged(resources.get_closure(tx, key), changes)
            return book.put_closure(tx, changed, author=author, expected_version=expected)

        kind = Kind(
            path="/v1/closures",
            one="closure",
            many="closures",
            shape=ClosureInput,
            record=Closure,
            query=SiteQuery,
            find=lambda tx, query: (resources.all_closures(tx, site=query.site), None),
            get=resources.get_closure,
            make=lambda tx, values, author: book.put_closure(tx, Closure(id="", **values, version=1), author=author),
            change=change,
        )
        self._collection = Collection(db, kind)

    def routes(self) -> list[Route]:
        return [
            *self._collection.routes(),
            Route(
                method="DELETE", path="/v1/closures/{id}", role=Role.ADMIN, handler=self.remove, status=204,
                summary="Take a closure away",
            ),
        ]  # fmt: skip

    async def remove(self, call: Call) -> Answer:
        expected = call.expected_version if "if-match" in call.headers else None
        await self._db.write(
            lambda tx: self._book.remove_closure(tx, call.params["id"], author=call.author, expected_version=expected)
        )
        return NO_CONTENT


def _must_be_new(known: object | None, sign: str) -> None:
    if known is not None:
        raise Refused(N_("The sign {sign} is taken already.", sign=sign), kind="exists")
