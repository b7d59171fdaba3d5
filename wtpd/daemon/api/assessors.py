"""`/v1/assessors` and `/v1/users`: people for whom credentials are kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec

from wtpd.book.recording import check_version
from wtpd.daemon.api.collection import Collection, Kind
from wtpd.daemon.api.routes import Route
from wtpd.daemon.api.shapes import Input, Name, Sign
from wtpd.errors import Refused
from wtpd.planner.changes import merged
from wtpd.planner.history import Author
from wtpd.store import people
from wtpd.store.database import Database, Tx
from wtpd.store.people import Person
from wtpd.texts import N_


class AssessorInput(Input, frozen=True, kw_only=True):
    """`id`: the assessor's short sign. Entries of one who isn't `active` serve no order."""

    id: Sign
    name: Name
    active: bool = True


class UserInput(Input, frozen=True, kw_only=True):
    """`id`: the user's login. Entries of one who isn't `active` serve no order."""

    id: Sign
    name: Name
    active: bool = True


class NoPersonQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


def assessor_routes(db: Database) -> list[Route]:
    return _routes(db, "assessor", AssessorInput, "record of an assessor")


def user_routes(db: Database) -> list[Route]:
    return _routes(db, "user", UserInput, "record of a user")


def _routes(db: Database, who: people.Kind, shape: type[Input], one: str) -> list[Route]:
    def put(tx: Tx, person: Person) -> Person:
        people.put(tx, who, person)
        tx.emit("resource.changed", resource=who, id=person.id)
        return person

    def make(tx: Tx, values: dict[str, Any], author: Author) -> Person:
        if people.find(tx, who, values["id"]) is not None:
            raise Refused(N_("The sign {sign} is taken already.", sign=values["id"]), kind="exists")
        return put(tx, Person(**values))

    def change(tx: Tx, key: str, changes: Mapping[str, Any], author: Author, expected: int | None) -> Person:
        before = people.get(tx, who, key)
        check_version(before.version, expected)
        after = merged(before, changes)
        return before if after == before else put(tx, replace(after, version=before.version + 1))

    kind = Kind(
        path=f"/v1/{who}s",
        one=one,
        many=f"{who}s",
        shape=shape,
        record=Person,
        query=NoPersonQuery,
        find=lambda tx, query: (people.people(tx, who), None),
        get=lambda tx, key: people.get(tx, who, key),
        make=make,
        change=change,
        fixed=frozenset({"id"}),
    )
    return Collection(db, kind).routes()
