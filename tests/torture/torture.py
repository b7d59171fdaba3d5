"""A dealership under torture: faults of the partner, kills of the daemon, edits on both sides (spec: quality.md)."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.support.daemon import DaemonProcess, config_text, daemon_process
from tests.support.sandbox import Sandbox, running_sandbox
from tests.support.unix_http import Reply, UnixHttp
from tests.torture.stale import DEALER, PARTNER, Stale
from wtpd.demo.compare import Comparison, compare
from wtpd.errors import Refused
from wtpd.sync.plan import resembles

DAY = datetime(2027, 3, 1, 7, tzinfo=UTC)
ROUTES = ("*", "/v1/dealers/*/appointments*", "/v1/dealers/*/changes", "/oauth/token", "/v1/dealers/*/availability")
KINDS: tuple[dict[str, Any], ...] = (
    {"kind": "late", "seconds": 0.4},
    {"kind": "late", "seconds": 0.4, "work": "first"},
    {"kind": "never"},
    {"kind": "never", "work": "first"},
    *({"kind": "status", "status": status} for status in (401, 403, 404, 409, 412, 422, 500, 502, 503)),
    {"kind": "status", "status": 500, "work": "first"},
    {"kind": "status", "status": 429, "retry_after": "1"},
    {"kind": "status", "status": 429, "retry_after": "date:1"},
    {"kind": "cut"},
    {"kind": "cut", "work": "none"},
    {"kind": "cut_middle"},
    {"kind": "garbage"},
    {"kind": "wrong_types"},
    {"kind": "huge"},
    {"kind": "slow_drip", "seconds": 0.05},
    {"kind": "wrong_encoding"},
    {"kind": "wrong_encoding", "encoding": "cp1252"},
    {"kind": "wrong_encoding", "encoding": "gzip"},
    {"kind": "repeat", "route": "/v1/dealers/*/changes"},
    {"kind": "reorder", "route": "/v1/dealers/*/changes"},
    {"kind": "delay", "seconds": 0.5, "route": "/v1/dealers/*/changes"},
    {"kind": "clock_skew", "seconds": 7200},
    {"kind": "clock_skew", "seconds": -7200},
)
"""Every fault of sandbox.md."""
PATIENCE = 60
"""Runs after which both sides must have come to rest once all is well again."""


def settings(address: str) -> str:
    """Impatient: limits of a second, so that a partner that hangs doesn't take the test's time."""
    text = config_text(partner=address)
    for old, new in (
        ("interval: 1h", "interval: 1s"),
        ("long_poll: 20s", "long_poll: 500ms"),
        ("connect_timeout: 2s", "connect_timeout: 500ms"),
        ("read_timeout: 5s", "read_timeout: 700ms"),
        ("total_timeout: 10s", "total_timeout: 1s"),
    ):
        assert old in text
        text = text.replace(old, new)
    return text


@dataclass
class Told:
    """What the desk was told: `sure` marks stand in the book, `unsure` ones may (their answer never came)."""

    sure: set[str] = field(default_factory=set)
    unsure: set[str] = field(default_factory=set)
    created: dict[str, str] = field(default_factory=dict)
    """Appointment by the idempotency key of its request."""
    versions: dict[str, int] = field(default_factory=dict)
    """The newest version that the desk was told, by appointment."""


@dataclass
class Verdict:
    comparison: Comparison
    history: dict[str, list[Any]]
    told: Told
    creations: Counter[str]
    """How often each of our appointments was made at the partner, cancelled ones counted."""
    kills: int
    faults: int
    is_restored: bool
    """A side was put back to an earlier state, so that values may come again."""
    stale: Counter[str]


class Torture:
    """One dealership; `live` once for each kill, `heal` at the end."""

    def __init__(self, folder: Path, sandbox: Sandbox, chance: random.Random, *, stale: bool = False) -> None:
        """`stale`: sides are put back to earlier states as well, and more of the kind."""
        self._folder = folder
        self._with_stale = stale
        self.stale = Stale(folder, sandbox, chance)
        self._sandbox = sandbox
        self._chance = chance
        self._marks = 0
        self._text = settings(sandbox.partner(PARTNER))
        self.told = Told()
        self.kills = 0
        self.faults = 0

    async def die_at_start(self) -> None:
        """The daemon is killed while it starts: before or after it opened its database, took its lock, made its
        channels or began its first run."""
        async with self._daemon(wait=False) as daemon:
            await asyncio.sleep(self._chance.uniform(0.0, 2.0))
            daemon.process.kill()
            self.kills += 1

    async def live(self, *, edits: int = 12, faults: int = 3) -> None:
        """The daemon starts, both sides work while the partner misbehaves, and the daemon is killed in the middle."""
        if self._with_stale:
            self.told = self.stale.between(self.told)
        async with self._daemon() as daemon:
            await self._let_in(daemon.http)
            for _ in range(faults):
                await self._misbehave()
            doing = [self._edit(daemon.http) for _ in range(edits)]
            if self._with_stale:
                doing += [self._make_stale(), self._make_stale()]
            work = asyncio.gather(*doing, return_exceptions=True)
            await asyncio.sleep(self._chance.uniform(0.05, 1.5))
            daemon.process.kill()
            self.kills += 1
            for outcome in await work:
                if isinstance(outcome, Exception) and not isinstance(outcome, OSError | EOFError | Refused):
                    raise outcome
        await self._count_faults()

    async def heal(self) -> Verdict:
        """All is well again: both sides come to rest, and are looked at."""
        if self._with_stale:
            self.told = self.stale.between(self.told)
        await self._sandbox.control.clear_faults(PARTNER)
        async with self._daemon() as daemon:
            await self._let_in(daemon.http)
            await self._repeat_unanswered(daemon.http)
            await self._rest(daemon.http)
            return await self._look(daemon.http)

    def _daemon(self, *, wait: bool = True) -> contextlib.AbstractAsyncContextManager[DaemonProcess]:
        (self._folder / "notify").unlink(missing_ok=True)
        return daemon_process(self._folder, self._text, wait=wait)

    async def _let_in(self, http: UnixHttp) -> None:
        """Support enters the credentials (a fault may have spoilt them), untried if the partner doesn't answer, and
        lets everything go on."""
        fields = {"fields": {"client_id": "sandbox", "client_secret": "sandbox-secret"}, "force": True}
        entered = await http.put(f"/v1/credentials/{PARTNER}/general", fields)
        assert entered.status < 300, entered.content
        resumed = await http.post(f"/v1/connectors/{PARTNER}/resume", {"accept_cancellations": True})
        assert resumed.status < 300, resumed.content

    async def _misbehave(self) -> None:
        fault = dict(self._chance.choice(KINDS))
        kind = fault.pop("kind")
        fault.setdefault("route", self._chance.choice(ROUTES))
        if kind != "clock_skew":
            fault |= {"share": self._chance.choice((0.2, 0.5, 1.0)), "count": self._chance.randint(1, 8)}
        await self._sandbox.control.fault(PARTNER, kind, **fault)

    async def _count_faults(self) -> None:
        self.faults += sum(one["shown"] for one in (await self._sandbox.control.faults(PARTNER))["items"])
        await self._sandbox.control.clear_faults(PARTNER)

    async def _make_stale(self) -> None:
        await asyncio.sleep(self._chance.uniform(0, 1.0))
        await self.stale.during()

    async def _edit(self, http: UnixHttp) -> None:
        """Somebody does something, at some moment."""
        await asyncio.sleep(self._chance.uniform(0, 1.0))
        doing: Callable[[UnixHttp], Any] = self._chance.choice(
            (self._book_here, self._book_here, self._change_here, self._change_here, self._cancel_here,
             self._book_there, self._change_there, self._change_there, self._cancel_there)
        )  # fmt: skip
        await doing(http)

    def _mark(self, who: str) -> str:
        self._marks += 1
        return f"{who}-{self._marks:05d}"

    def _moment(self) -> datetime:
        return DAY + timedelta(days=self._chance.randrange(60), minutes=15 * self._chance.randrange(32))

    async def _book_here(self, http: UnixHttp) -> None:
        mark, start = self._mark("desk"), self._moment()
        await self._request_booking(http, mark, start)

    async def _request_booking(self, http: UnixHttp, mark: str, start: datetime) -> None:
        body = {
            "site": "rostock", "department": "Werkstatt", "drop_off": start.isoformat(),
            "collection": (start + timedelta(hours=6)).isoformat(), "notes": mark,
            "interventions": [{"title": "Inspektion", "labour_units": 1}],
        }  # fmt: skip
        self.told.unsure.add(mark)
        self.told.created[mark] = start.isoformat()
        target = "/v1/appointments?allow_over_limit=true"
        self._heard(mark, await http.post(target, body, idempotency_key=mark))

    async def _repeat_unanswered(self, http: UnixHttp) -> None:
        """The desk's program repeats each booking whose answer it never got, with the same key."""
        for mark in sorted(self.told.unsure & self.told.created.keys()):
            await self._request_booking(http, mark, datetime.fromisoformat(self.told.created[mark]))

    async def _change_here(self, http: UnixHttp) -> None:
        found = await self._some(http)
        if found is None:
            return
        mark = self._mark("desk")
        changes: dict[str, Any] = {"notes": mark}
        if self._chance.random() < 0.4:
            start = self._moment()
            changes |= {"drop_off": start.isoformat(), "collection": (start + timedelta(hours=5)).isoformat()}
        self.told.unsure.add(mark)
        target = f"/v1/appointments/{found['id']}?allow_over_limit=true"
        self._heard(mark, await http.patch(target, changes, version=found["version"]))

    async def _cancel_here(self, http: UnixHttp) -> None:
        found = await self._some(http)
        if found is not None:
            await http.post(
                f"/v1/appointments/{found['id']}/cancel", {"reason": "verkauft"}, if_match=f'"{found["version"]}"'
            )

    def _heard(self, mark: str, reply: Reply) -> None:
        """An answer came. 412: somebody was quicker; the change isn't there."""
        assert reply.status in (200, 201, 409, 412), reply.content
        self.told.unsure.discard(mark)
        if reply.status < 300:
            self.told.sure.add(mark)
            one = reply.json
            self.told.versions[one["id"]] = max(one["version"], self.told.versions.get(one["id"], 0))

    async def _some(self, http: UnixHttp) -> Any:
        items = (await http.get("/v1/appointments?status=scheduled&limit=200")).json["items"]
        return self._chance.choice(items) if items else None

    async def _book_there(self, http: UnixHttp) -> None:
        start = self._moment()
        await self._sandbox.control.act(
            PARTNER, "book", dealer=DEALER, by=self._chance.choice(("dealer", "customer_app")),
            drop_off=start.isoformat(), notes=self._mark("partner"), plate=f"HRO-T {self._chance.randrange(1, 40)}",
            last_name=self._chance.choice(("Lübs", "Ring", "Baum")), first_name="Kim",
        )  # fmt: skip

    async def _change_there(self, http: UnixHttp) -> None:
        one = await self._some_there()
        if one is not None:
            changes: dict[str, Any] = {"notes": self._mark("partner")}
            if self._chance.random() < 0.3:
                changes["mobile"] = f"0171 55{self._chance.randrange(10000, 99999)}"
            await self._sandbox.control.act(PARTNER, "change", dealer=DEALER, id=one["id"], **changes)

    async def _cancel_there(self, http: UnixHttp) -> None:
        one = await self._some_there()
        if one is not None and self._chance.random() < 0.5:
            await self._sandbox.control.act(PARTNER, "cancel", dealer=DEALER, id=one["id"], reason="krank")

    async def _some_there(self) -> Any:
        state = await self._sandbox.control.state(PARTNER)
        living = [one for one in state["appointments"] if one["status"] != "CANCELLED"]
        return self._chance.choice(living) if living else None

    async def _rest(self, http: UnixHttp) -> None:
        """Run until nothing waits and nothing moves. What the partner refused meanwhile is sent again, what lay in
        quarantine is tried again."""
        runs: list[Any] = []
        for _ in range(PATIENCE):
            await self._decide(http)
            reply = await http.post(f"/v1/connectors/{PARTNER}/sync", {})
            assert reply.status == 200, reply.content
            runs = reply.json["items"]
            [connector] = [one for one in (await http.get("/v1/connectors")).json["items"] if one["name"] == PARTNER]
            waiting = sum(one["waiting"] + one["quarantined"] + one["rejected"] for one in connector["channels"])
            if not waiting and not any(run["error"] or run["fetched"] or run["sent"] for run in runs):
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"still not at rest: {runs} {connector['channels']}")

    async def _decide(self, http: UnixHttp) -> None:
        """A person has what was refused or couldn't be read tried again, and what is live there and cancelled here
        cancelled there."""
        for kind in ("rejected", "quarantine", "conflict"):
            for entry in (await http.get(f"/v1/attention?kind={kind}&state=open&limit=500")).json["items"]:
                if kind != "conflict":
                    await http.post(f"/v1/attention/{entry['id']}/retry")
                elif entry["data"]["field"] == "cancelled" and entry["data"]["theirs"] is False:
                    await self._cancel_there_too(http, entry)
        [connector] = [one for one in (await http.get("/v1/connectors")).json["items"] if one["name"] == PARTNER]
        if any(channel["state"] == "stopped" for channel in connector["channels"]):
            await http.post(f"/v1/connectors/{PARTNER}/resume", {"accept_cancellations": True})

    async def _cancel_there_too(self, http: UnixHttp, entry: Any) -> None:
        """Where it was booked there anew, wtpd asks to cancel the older one at the partner."""
        decided = await http.post(f"/v1/attention/{entry['id']}/resolve", {"choice": "ours"})
        if decided.status >= 400:
            with contextlib.suppress(Refused):
                await self._sandbox.control.act(
                    PARTNER, "cancel", dealer=DEALER, id=entry["data"]["partner_id"], reason="doppelt"
                )

    async def _look(self, http: UnixHttp) -> Verdict:
        ours = await _all(http, "/v1/appointments?department=Werkstatt")
        customers = {one["id"]: one for one in await _all(http, "/v1/customers?")}
        vehicles = {one["id"]: one for one in await _all(http, "/v1/vehicles?")}
        whole = [
            {**one, "customer": customers.get(one["customer_id"]), "vehicle": vehicles.get(one["vehicle_id"])}
            for one in ours
        ]
        theirs = (await self._sandbox.control.state(PARTNER))["appointments"]
        history = {one["id"]: (await http.get(f"/v1/appointments/{one['id']}/history")).json["items"] for one in ours}
        made = Counter(str(one["dmsAppointmentId"]) for one in theirs if one["createdBy"] == "dms")
        found = compare(whole, theirs, datetime.now(UTC))
        if self.stale.shapes:  # what the partner keeps in another form is an agreed difference
            found.differences = [
                one
                for one in found.differences
                if not one.field or not resembles(_listed(one.our_value), _listed(one.their_value))
            ]
        if self.stale.happened["our database restored"]:  # made after the copy: it comes back with another id of ours
            found.differences = [one for one in found.differences if one.field != "id"]
        restored, happened = self.stale.is_restored, self.stale.happened
        return Verdict(found, history, self.told, made, self.kills, self.faults, restored, happened)


def _listed(value: Any) -> Any:
    return [_listed(each) for each in value] if isinstance(value, list | tuple) else value


async def _all(http: UnixHttp, target: str) -> list[Any]:
    items: list[Any] = []
    cursor = ""
    while True:
        page = (await http.get(f"{target}&limit=500{cursor}")).json
        items += page["items"]
        if page["next_cursor"] is None:
            return items
        cursor = f"&cursor={page['next_cursor']}"


async def torture(
    folder: Path, seed: int, kills: int, *, stale: bool = False, each: Callable[[Torture], None] | None = None
) -> Verdict:
    """So many `kills` in one dealership, about every fourth of them while it starts, and what is left at the end.
    `stale` as for `Torture`."""
    chance = random.Random(seed)
    (folder / "sandbox").mkdir()
    (folder / "box").mkdir()
    async with running_sandbox(folder / "sandbox", seed=seed) as sandbox:
        victim = Torture(folder / "box", sandbox, chance, stale=stale)
        while victim.kills < kills:
            if chance.random() < 0.25:
                await victim.die_at_start()
            else:
                await victim.live()
            if each is not None:
                each(victim)
        return await victim.heal()


def check(verdict: Verdict) -> None:
    """Nothing lost, nothing twice (sync.md, 1). Raises AssertionError."""
    assert verdict.comparison.equal, verdict.comparison.differences[:10] + verdict.comparison.doubles
    again = {our_id: times for our_id, times in verdict.creations.items() if times > 1}
    assert verdict.is_restored or not again, f"booked a second time: {again}"
    for appointment_id, entries in verdict.history.items():
        versions = sorted(entry["version"] for entry in entries)
        assert versions == list(range(1, len(versions) + 1)), (appointment_id, versions)
        assert len(versions) >= verdict.told.versions.get(appointment_id, 0)
    marks = Counter(
        str(change["new"]).split(" ")[0]
        for entries in verdict.history.values()
        for entry in entries
        if (change := entry["changes"].get("notes")) is not None
    )
    desk = {mark: times for mark, times in marks.items() if mark.startswith("desk-")}
    assert verdict.told.sure <= desk.keys(), f"lost: {verdict.told.sure - desk.keys()}"
    assert not (set(desk) - verdict.told.sure - verdict.told.unsure)
    if not verdict.is_restored:  # else what was there before comes again as a change
        twice = {mark: times for mark, times in marks.items() if mark.startswith(("desk-", "partner-")) and times > 1}
        assert not twice, f"counted twice: {twice}"
