"""A partner in memory, as good as the contract asks for: versions, conditional writes, idempotency keys, one live
appointment for each id of ours, a feed that tells every change. It can be made to fail; what it holds outlives a crash
of ours."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from wtpd.channel.errors import Ability, Duplicate, MissingRight, PartnerError, Precondition, Rejected
from wtpd.channel.tally import count_call
from wtpd.sync.ports import DayOffer, Incoming, Intent, Page, Receipt, Unreadable

Fault = Callable[[str], PartnerError | None]
"""Asked before and after each call, e.g. `before write`, `after write`; an error after the call is a lost answer."""


_ABILITIES: Mapping[str, Ability] = {
    "changes": "receive", "get": "receive", "find": "receive", "write": "send", "publish": "publish",
}  # fmt: skip


def no_fault(_: str) -> PartnerError | None:
    return None


@dataclass
class Kept:
    intent: Intent
    receipt: Receipt


class PartnerModel:
    def __init__(self) -> None:
        self.held: dict[str, dict[str, Incoming]] = defaultdict(dict)
        """What it holds now, by account and its own id."""
        self.feed: list[tuple[str, Incoming | Unreadable]] = []
        self.answered: dict[str, Kept] = {}
        self.forgotten: dict[str, Kept] = {}
        self.published: dict[str, DayOffer] = {}
        self.publish_keys: list[str] = []
        self.calls: list[str] = []
        self.fault: Fault = no_fault
        self.changed = asyncio.Event()
        self.longest: int | None = None
        """It keeps so many characters of a text."""
        self.tidy: Callable[[str], str] | None = None
        """It keeps texts in another form."""
        self.oldest_unread = 0
        """The first message of the feed that was never asked for."""
        self.oldest_cursor = 0
        """A cursor before this one, and one behind the end of the feed, is refused."""
        self.lacking: set[Ability] = set()
        """What our credentials have no right for."""
        self.marks = False
        """Its messages have marks by which `parse` knows them again."""
        self._ever: dict[str, Incoming] = {}
        self._number = 0
        self._moment = 0

    # What people do there

    def book(self, account: str, fields: Mapping[str, Any], **other: Any) -> str:
        partner_id = self._next_id()
        values: dict[str, Any] = {
            "changed_by": "customer_app", "origin": "mynissan", "cancelled": False, **self._made("customer_app"),
            **other,
        }  # fmt: skip
        self._put(account, Incoming(partner_id=partner_id, version=1, fields=dict(fields), raw=dict(fields), **values))
        return partner_id

    def change(self, account: str, partner_id: str, by: str = "dealer", **fields: Any) -> None:
        before = self.held[account][partner_id]
        new = {name.replace("__", "."): value for name, value in fields.items()}
        if any(before.fields.get(name) != value for name, value in new.items()):
            self._put(account, replace(
                before, version=before.version + 1, fields={**before.fields, **new}, changed_by=by, raw=new,
            ))  # fmt: skip

    def cancel(
        self, account: str, partner_id: str, reason: str = "customer called", by: str = "dealer", *, left: bool = False
    ) -> None:
        before = self.held[account][partner_id]
        if not before.cancelled:
            self._put(account, replace(
                before, version=before.version + 1, cancelled=True, reason=reason, changed_by=by, left=left
            ))  # fmt: skip

    def give_away(self, account: str, partner_id: str, fields: Mapping[str, Any]) -> None:
        """It deletes an appointment and gives its number to another one."""
        values: dict[str, Any] = {"changed_by": "dealer", "cancelled": False, **self._made("dealer")}
        self._put(account, Incoming(partner_id=partner_id, version=1, fields=dict(fields), raw={}, **values))

    def parse(self, raw: Any) -> Incoming:
        """A message that was kept, read again."""
        return self._ever[raw["said"]]

    def copy(self) -> tuple[dict[str, dict[str, Incoming]], int]:
        """A backup of what it holds."""
        return {account: dict(items) for account, items in self.held.items()}, self._number

    def restore(self, backup: tuple[dict[str, dict[str, Incoming]], int], *, counts_again: bool = False) -> None:
        """It is what it was; its feed begins anew, with what it holds, and it has forgotten all keys. Its numbers go
        on, since the contract says that it never gives one twice; or (`counts_again`) begin again behind the copy's."""
        if counts_again:
            self._number = backup[1]
        self.held = defaultdict(dict, {account: dict(items) for account, items in backup[0].items()})
        self.forget_keys()
        self.oldest_cursor = self._end + 1
        self.feed = [(account, item) for account, items in self.held.items() for item in items.values()]
        self.changed.set()

    def forget_keys(self) -> None:
        """After a day it may."""
        self.forgotten |= self.answered
        self.answered = {}

    def refuse_cursors(self) -> None:
        """From now on none that it gave is known any more; what is in the feed stays."""
        self.oldest_cursor = self._end + 1

    @property
    def _end(self) -> int:
        return self.oldest_cursor + len(self.feed)

    def tell(self, account: str, item: Incoming | Unreadable) -> None:
        """Put something into the feed that isn't what it holds: late, repeated, broken."""
        self.feed.append((account, item))
        self.changed.set()

    def live(self, account: str) -> dict[str, Incoming]:
        return {key: item for key, item in self.held[account].items() if not item.cancelled}

    # What it offers us

    async def changes(self, account: str, cursor: str | None, *, wait: float, limit: int) -> Page:
        count_call()
        self._fail("before changes")
        if cursor is not None and not 0 <= int(cursor) - self.oldest_cursor <= len(self.feed):
            raise Rejected("this cursor isn't known", status=410)
        start = int(cursor) - self.oldest_cursor if cursor is not None else 0
        if wait and len(self.feed) <= start:
            self.changed.clear()
            await self.changed.wait()
        mine = [index for index in range(start, len(self.feed)) if self.feed[index][0] == account]
        self._fail("after changes")
        shown = mine[:limit]
        end = len(self.feed) if shown == mine else shown[-1] + 1
        self.oldest_unread = max(self.oldest_unread, end)
        items = [self.feed[index][1] for index in shown]
        return Page(items=items, cursor=str(self.oldest_cursor + end), more=shown != mine)

    async def get(self, account: str, partner_id: str) -> Incoming:
        count_call()
        self._fail("before get")
        if partner_id not in self.held[account]:
            raise Rejected("there is no such appointment", status=404)
        return self.held[account][partner_id]

    async def find(self, account: str, our_id: str) -> Incoming | None:
        count_call()
        self._fail("before find")
        return next((item for item in self.live(account).values() if item.our_id == our_id), None)

    def encode(self, intent: Intent) -> str:
        """The members in their own order, not sorted: a body that was made a second time is another one."""
        return msgspec.json.encode({"reason": intent.reason, "left": intent.left, **intent.fields}).decode()

    async def write(self, intent: Intent) -> Receipt:
        count_call()
        self._fail("before write")
        await asyncio.sleep(0)
        kept = self.answered.get(intent.key)
        if kept is None:
            kept = Kept(intent, self._write(intent))
            self.answered[intent.key] = kept
        elif kept.intent != intent:
            raise Rejected("the key was used for another request", status=422)
        self._fail("after write")
        return kept.receipt

    async def publish(self, account: str, days: Sequence[DayOffer], key: str) -> None:
        count_call()
        self._fail("before publish")
        self.published |= {day.day.isoformat(): day for day in days}
        self.publish_keys.append(key)
        self._fail("after publish")

    def _write(self, intent: Intent) -> Receipt:
        account = intent.account
        if intent.operation == "create":
            if any(item.our_id == intent.appointment_id for item in self.live(account).values()):
                raise Duplicate("there is one with this id", status=409)
            partner_id = self._next_id()
            item = Incoming(
                partner_id=partner_id, version=1, fields=self._shaped(intent.fields), cancelled=False, changed_by="dms",
                our_id=intent.appointment_id, **self._made("dms"),
            )  # fmt: skip
            self._put(account, item)
            links = {"menus": f"https://menus.example/{partner_id}"}
            return Receipt(partner_id=partner_id, version=1, links=links, held=item)
        before = self.held[account].get(intent.partner_id or "")
        if before is None:
            raise Rejected("there is no such appointment", status=404)
        if before.version != intent.expected_version:
            raise Precondition("it has another version", status=412)
        after = replace(
            before, version=before.version + 1, fields={**before.fields, **self._shaped(intent.fields)},
            changed_by="dms", cancelled=before.cancelled or intent.operation == "cancel", left=intent.left,
        )  # fmt: skip
        self._put(account, after)
        return Receipt(partner_id=before.partner_id, version=after.version, held=after)

    def _shaped(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """As it keeps them."""
        return {name: self._shape(name, value) for name, value in fields.items()}

    def _shape(self, name: str, value: Any) -> Any:
        if name not in ("notes", "customer.last_name") or not isinstance(value, str):
            return value
        value = value if self.tidy is None else self.tidy(value)
        return value[: self.longest] if name == "notes" else value

    def _made(self, by: str) -> dict[str, str]:
        self._moment += 1
        return {"created_by": by, "created_at": f"2026-11-01T{self._moment // 60 % 24:02}:{self._moment % 60:02}:00Z"}

    def _put(self, account: str, item: Incoming) -> None:
        if self.marks:
            said = f"{item.partner_id} {item.version} {len(self._ever)}"
            item = self._ever[said] = replace(item, raw={"said": said})
        self.held[account][item.partner_id] = item
        self.tell(account, item)

    def _next_id(self) -> str:
        self._number += 1
        return f"A-{self._number}"

    def _fail(self, where: str) -> None:
        if where.startswith("before"):
            call = where.removeprefix("before ")
            self.calls.append(call)
            ability = _ABILITIES[call]
            if ability in self.lacking:
                raise MissingRight(f"no right to {ability}", right=ability, ability=ability)
        error = self.fault(where)
        if error is not None:
            raise error
