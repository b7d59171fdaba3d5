"""`/v1/connectors` and `/v1/runs`: how the channels are; a run now, dry run, pause, resume, verify."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from wtpd.channel.errors import PartnerError, missing_right, why
from wtpd.daemon.api.call import Answer, Call, Role, answer
from wtpd.daemon.api.collection import Page
from wtpd.daemon.api.routes import Route
from wtpd.daemon.api.shapes import Limit, Sign
from wtpd.daemon.channels.channel import Channel, Row
from wtpd.daemon.fleet import Fleet
from wtpd.errors import Invalid, Problem
from wtpd.store import attention, inbox, outbox, runs
from wtpd.store.database import Database, Tx
from wtpd.sync.ports import RunRecord
from wtpd.texts import N_, said

PATH = "/v1/connectors"


class ChannelView(Struct, frozen=True, kw_only=True):
    """One connector at one site, or at the whole box where sites aren't mapped: its `site` is empty then. `makes_runs`:
    it works by itself, so it can be synced and compared; others are only asked, or sent to. `state`: starting, healthy,
    limited, retrying, needs_token, not_covered, paused, stopped, config_error, disabled, not_mapped, not_available or
    not_licensed; `reason` says it in a sentence. `waiting`: appointments that are to be sent."""

    id: str
    site: str
    account: str | None
    department: str | None
    state: str
    since: datetime
    reason: str | None
    last_success: datetime | None = None
    next_run: datetime | None = None
    error: str | None = None
    waiting: int = 0
    conflicts: int = 0
    quarantined: int = 0
    rejected: int = 0
    makes_runs: bool = True


class ConnectorView(Struct, frozen=True, kw_only=True):
    name: str
    title: str
    capabilities: list[str]
    channels: list[ChannelView]


class SyncInput(Struct, frozen=True, forbid_unknown_fields=True):
    """`dry_run`: say what a run would do, field by field, and write nothing on either side."""

    site: Sign | None = None
    dry_run: bool = False


class SiteInput(Struct, frozen=True, forbid_unknown_fields=True):
    site: Sign | None = None


class ResumeInput(Struct, frozen=True, forbid_unknown_fields=True):
    """`accept_cancellations`: the many cancellations that stopped it are meant."""

    site: Sign | None = None
    accept_cancellations: bool = False


class VerifyInput(Struct, frozen=True, forbid_unknown_fields=True):
    """`compare`: hold the book against the partner, field by field; reads only."""

    site: Sign | None = None
    compare: bool = False


class StepView(Struct, frozen=True):
    """What a run would do to one appointment; `changes`: by field, `{"old", "new"}`."""

    side: str
    action: str
    appointment_id: str | None
    partner_id: str | None
    changes: dict[str, Any]
    detail: str


class RunView(Struct, frozen=True, kw_only=True):
    """The record of a run; `quiet`: how many runs without a change are counted in it; `steps`: after a dry run."""

    channel: str
    trigger: str
    started_at: datetime
    ended_at: datetime
    quiet: int
    fetched: int
    applied: int
    sent: int
    published: int
    conflicts: int
    quarantined: int
    requests: int
    error: str | None
    steps: list[StepView] = []
    truncated: bool = False


class SentAgainView(Struct, frozen=True):
    """How many refused appointments of a channel are on their way again."""

    channel: str
    appointments: int


class VerifiedView(Struct, frozen=True, kw_only=True):
    """Who we are at the partner; `missing`: sentences about the rights that the credentials lack; with `compare`, how
    many appointments were compared and what differs."""

    site: str
    account: str
    name: str = ""
    facts: Mapping[str, str] = {}
    missing: list[str] = []
    error: str | None = None
    compared: int | None = None
    differences: list[Mapping[str, Any]] = []


class RunsQuery(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The newest first; `before`: those started earlier (the last one's `started_at`)."""

    connector: Sign | None = None
    site: Sign | None = None
    before: Annotated[datetime, Meta(tz=True)] | None = None
    limit: Limit = 100


class ConnectorRoutes:
    def __init__(self, db: Database, fleet: Fleet) -> None:
        self._db = db
        self._fleet = fleet

    def routes(self) -> list[Route]:
        act = partial(Route, method="POST", role=Role.ADMIN)
        return [
            Route(
                method="GET", path=PATH, role=Role.READ, handler=self.overview, result=Page[ConnectorView],
                summary="Every connector at every site",
            ),
            act(
                path=f"{PATH}/{{connector}}/sync", handler=self.sync, body=SyncInput, result=Page[RunView], seconds=900,
                summary="A run now; answers when it has ended",
            ),
            act(
                path=f"{PATH}/{{connector}}/pause", handler=self.pause, body=SiteInput, result=Page[ChannelView],
                seconds=900, summary="Stop until it is resumed",
            ),
            act(
                path=f"{PATH}/{{connector}}/resume", handler=self.resume, body=ResumeInput, result=Page[ChannelView],
                seconds=900, summary="Go on",
            ),
            act(
                path=f"{PATH}/{{connector}}/resync", handler=self.resync, body=SiteInput, result=Page[RunView],
                seconds=900, summary="Read the partner's whole feed again, in a run now; answers when it has ended",
            ),
            act(
                path=f"{PATH}/{{connector}}/send-rejected", handler=self.send_rejected, body=SiteInput,
                result=Page[SentAgainView], summary="Send everything again that the partner refused",
            ),
            act(
                path=f"{PATH}/{{connector}}/verify", handler=self.verify, body=VerifyInput, result=Page[VerifiedView],
                seconds=900, summary="Ask the partner who we are there",
            ),
            Route(
                method="GET", path="/v1/runs", role=Role.READ, handler=self.runs, query=RunsQuery,
                result=Page[RunView], summary="Records of runs",
            ),
        ]  # fmt: skip

    async def overview(self, call: Call) -> Answer:
        rows = self._fleet.rows
        views = await self._views(rows, call.language)
        items = [
            ConnectorView(
                name=name,
                title=manifest.title,
                capabilities=sorted(manifest.capabilities),
                channels=[view for row, view in zip(rows, views, strict=True) if row.connector == name],
            )
            for name, manifest in self._fleet.manifests.items()
        ]
        return answer(Page(items))

    async def sync(self, call: Call) -> Answer:
        wanted: SyncInput = call.body
        channels = self._fleet.working(call.params["connector"], wanted.site)
        records = await asyncio.gather(*(one.run(dry_run=wanted.dry_run) for one in channels))
        return answer(Page([run_view(record, call.language) for record in records]))

    async def pause(self, call: Call) -> Answer:
        for one in self._fleet.working(call.params["connector"], call.body.site):
            await one.pause(call.author.actor)
        return await self._answer(call)

    async def resume(self, call: Call) -> Answer:
        wanted: ResumeInput = call.body
        for one in self._fleet.working(call.params["connector"], wanted.site):
            await one.resume(call.author.actor, accept_cancellations=wanted.accept_cancellations)
        return await self._answer(call)

    async def resync(self, call: Call) -> Answer:
        channels = self._fleet.working(call.params["connector"], call.body.site)
        records = await asyncio.gather(*(one.resync() for one in channels))
        return answer(Page([run_view(record, call.language) for record in records]))

    async def send_rejected(self, call: Call) -> Answer:
        names = [one.row.id for one in self._fleet.running(call.params["connector"], call.body.site)]
        counts = await self._db.write(lambda tx: [outbox.Outbox(tx).retry_all(name) for name in names])
        return answer(Page([SentAgainView(*each) for each in zip(names, counts, strict=True)]))

    async def verify(self, call: Call) -> Answer:
        wanted: VerifyInput = call.body
        choose = self._fleet.running if wanted.compare else self._fleet.working
        channels = choose(call.params["connector"], wanted.site)
        items = await asyncio.gather(*(self._verified(one, wanted.compare, call) for one in channels))
        return answer(Page(list(items)))

    async def runs(self, call: Call) -> Answer:
        query: RunsQuery = call.query
        if query.before is not None and not 1970 <= query.before.year < 2200:
            text = N_("This date is out of range.")
            raise Invalid(text, problems=[Problem("before", text)])
        found = await self._db.read(
            lambda tx: runs.page(tx, connector=query.connector, site=query.site, before=query.before, limit=query.limit)
        )
        return answer(Page([run_view(record, call.language) for record in found]))

    async def _verified(self, one: Channel, compare: bool, call: Call) -> VerifiedView:
        row, language = one.row, call.language
        account = row.account or ""
        try:
            found = await one.verify(call.author.actor)
            comparison = await one.compare() if compare else None
        except PartnerError as error:
            return VerifiedView(site=row.site, account=account, error=said(why(error), language))
        wrong = N_(
            "Wrong dealer number: {partner} knows us as {found}, but the mapping has {number}.",
            partner=row.title, found=found.account, number=account,
        )  # fmt: skip
        is_right = row.account is None or found.account == row.account
        return VerifiedView(
            site=row.site,
            account=found.account,
            name=found.name,
            facts=found.facts,
            missing=[missing_right(right, one).render(language) for right, one in found.missing.items()],
            error=None if is_right else wrong.render(language),
            compared=comparison.compared if comparison else None,
            differences=[_difference(each) for each in comparison.differences] if comparison else [],
        )

    async def _answer(self, call: Call) -> Answer:
        rows = self._fleet.rows_of(call.params["connector"], call.body.site)
        return answer(Page(await self._views(rows, call.language)))

    async def _views(self, rows: Sequence[Row], language: str) -> list[ChannelView]:
        return await self._db.read(lambda tx: [channel_view(tx, row, language) for row in rows])


def channel_view(tx: Tx | None, row: Row, language: str) -> ChannelView:
    """`tx` None: the database can't be read; what only it knows is left out."""
    condition = row.condition
    view = ChannelView(
        id=row.id,
        site=row.site,
        account=row.account,
        department=row.department,
        state=str(condition.state),
        since=condition.since,
        reason=condition.reason.render(language) if condition.reason else None,
        last_success=row.last_success,
        next_run=row.next_run,
        error=said(row.error, language) if row.error else None,
        makes_runs=row.makes_runs,
    )
    if tx is None or not (row.makes_runs and row.is_set_up):
        return view
    listed = attention.counts_of(tx, row.id)
    return msgspec.structs.replace(
        view,
        last_success=row.last_success or runs.last_success(tx, row.id),
        waiting=outbox.waiting(tx, row.id),
        conflicts=listed.get("conflict", 0),
        quarantined=inbox.count(tx, row.id),
        rejected=listed.get("rejected", 0),
    )


def run_view(record: RunRecord, language: str) -> RunView:
    counts = {
        name: getattr(record, name)
        for name in ("quiet", "fetched", "applied", "sent", "published", "conflicts", "quarantined", "requests")
    }
    return RunView(
        channel=record.channel,
        trigger=record.trigger,
        started_at=record.started_at,
        ended_at=record.ended_at,
        error=said(record.error, language) if record.error else None,
        steps=[
            StepView(
                step.side,
                step.action,
                step.appointment_id,
                step.partner_id,
                {name: {"old": old, "new": new} for name, (old, new) in step.fields.items()},
                said(step.detail, language),
            )
            for step in record.planned
        ],
        truncated=record.truncated,
        **counts,
    )


def _difference(each: Any) -> Mapping[str, Any]:
    return {
        "appointment_id": each.appointment_id,
        "partner_id": each.partner_id,
        "field": each.field,
        "ours": each.ours,
        "theirs": each.theirs,
        "waiting": each.waiting,
    }
