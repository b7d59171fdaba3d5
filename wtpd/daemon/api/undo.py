"""`/v1/appointments/{id}/undo`: take one entry of the history back, or say first what that would do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from msgspec import Meta, Struct

from wtpd.book import undo
from wtpd.book.book import Book
from wtpd.book.undo import Undoing
from wtpd.daemon.api.appointments import PATH, AppointmentView, one_view
from wtpd.daemon.api.call import Answer, Call, Role, answer
from wtpd.daemon.api.once import once
from wtpd.daemon.api.routes import Route
from wtpd.daemon.api.shapes import Input
from wtpd.daemon.api.showing import label
from wtpd.errors import Invalid, Refused, VersionMismatch
from wtpd.planner.appointment import ORIGIN_PLANNER, Status
from wtpd.planner.history import Change
from wtpd.store.database import Database, Tx
from wtpd.texts import N_, Text


class UndoInput(Input, frozen=True, kw_only=True):
    """`entry`: the id of an entry of this appointment's history."""

    entry: Annotated[int, Meta(ge=1, le=1 << 60)]


class UndoQuery(Struct, frozen=True, forbid_unknown_fields=True):
    preview: bool = False
    allow_over_limit: bool = False


class UndoPreview(Struct, frozen=True, kw_only=True):
    """What it would do. Not `possible`: the `reason`, its `kind` and figures. `cancels`: the appointment is cancelled
    by it. `sends`: the channels that are told. `labels`: the fields' names. `consequences`: what follows, in
    sentences."""

    possible: bool
    reason: str | None = None
    kind: str | None = None
    facts: Mapping[str, Any] = {}
    changes: Mapping[str, Change] = {}
    labels: Mapping[str, str] = {}
    cancels: bool = False
    sends: list[str] = []
    consequences: list[str] = []


class UndoRoutes:
    """`title_of` gives the name of a channel's partner."""

    def __init__(self, db: Database, book: Book, title_of: Callable[[str], str]) -> None:
        self._db = db
        self._book = book
        self._title_of = title_of

    def routes(self) -> list[Route]:
        return [
            Route(
                method="POST", path=f"{PATH}/{{id}}/undo", role=Role.ADMIN, handler=self.undo, query=UndoQuery,
                body=UndoInput, result=AppointmentView, preview=UndoPreview, versioned=True, repeatable=True,
                summary="Take one entry of the history back; with `preview`, say what that would do",
            )
        ]  # fmt: skip

    async def undo(self, call: Call) -> Answer:
        if call.query.preview:
            return answer(await self._db.read(lambda tx: self._preview(tx, call)))

        def work(tx: Tx) -> Answer:
            return one_view(tx, undo.undo(self._book, tx, **_order(call)))

        return await self._db.write(once(call, work, appointment_of=lambda _: call.params["id"]))

    def _preview(self, tx: Tx, call: Call) -> UndoPreview:
        try:
            planned = undo.plan(self._book, tx, **_order(call))
        except VersionMismatch:
            raise
        except (Refused, Invalid) as refusal:
            reason = refusal.text.render(call.language)
            return UndoPreview(possible=False, reason=reason, kind=refusal.kind, facts=refusal.facts)
        return UndoPreview(
            possible=True,
            changes=planned.changes,
            labels={name: label(name, call.language) for name in planned.changes},
            cancels=planned.cancels,
            sends=list(planned.tells),
            consequences=[text.render(call.language) for text in self._consequences(planned)],
        )

    def _consequences(self, planned: Undoing) -> list[Text]:
        before, after = planned.before.appointment, planned.after.appointment
        found = []
        if planned.cancels:
            found.append(N_("The appointment is cancelled."))
        elif before.status is Status.CANCELLED:
            found.append(N_("The appointment stands again."))
        if before.is_live and before.courtesy_car and not (after.is_live and after.courtesy_car == before.courtesy_car):
            found.append(N_("Courtesy car {car} is free again.", car=before.courtesy_car))
        if after.over_limit and not before.over_limit:
            found.append(N_("Its day is full beyond the load limit."))
        for channel in planned.tells:
            partner = self._title_of(channel)
            if channel in planned.anew:
                found.append(N_("{partner} gets it anew, under another number.", partner=partner))
            elif planned.cancels and before.origin != ORIGIN_PLANNER:
                found.append(N_("It is cancelled at {partner} too, which tells its customer.", partner=partner))
            elif planned.cancels:
                found.append(N_("It is cancelled at {partner} too.", partner=partner))
            else:
                found.append(N_("{partner} is told.", partner=partner))
        return found


def _order(call: Call) -> dict[str, Any]:
    return {
        "appointment_id": call.params["id"],
        "entry_id": call.body.entry,
        "author": call.author,
        "expected_version": call.expected_version,
        "allow_over_limit": call.query.allow_over_limit,
    }
