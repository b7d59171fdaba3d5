"""A connector whose partner sends by itself: `POST /push/lijst/v1/people`, lines of JSON, one person each; `/v1/cars`
likewise. Small, and strict in what a receiver must be strict in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from wtpd.connectors.manifest import Manifest
from wtpd.connectors.receiver import Head, Item, ItemResult, PushBook, PushLimits, Reply, Summary, Unreadable
from wtpd.planner.customer import Customer
from wtpd.planner.vehicle import Vehicle
from wtpd.texts import N_

NAME = "lijst"


class ListReceiver:
    def __init__(self, limits: PushLimits) -> None:
        self.limits = limits

    def check(self, head: Head) -> Reply | None:
        if head.path not in ("/v1/people", "/v1/cars"):
            return Reply(status=404, content=b'{"error":"no such list"}')
        if head.headers.get("content-type", "").partition(";")[0] != "application/x-ndjson":
            return Reply(status=415, content=b'{"error":"lines of JSON are wanted"}')
        return None

    def items(self, head: Head, body: BinaryIO) -> Iterator[Item | ItemResult]:
        for number, line in enumerate(body):
            try:
                record = json.loads(line)
            except (ValueError, RecursionError):
                raise Unreadable(N_("line {number} isn't JSON", number=number + 1)) from None
            if not isinstance(record, dict) or not isinstance(record.get("id"), str):
                yield ItemResult(key=str(number), result="quarantined", reason="no_id", field="id")
            elif record.get("bug"):
                raise RuntimeError("a bug of the connector")
            else:
                yield Item(key=record["id"], content=record)

    def apply(self, book: PushBook, head: Head, item: Item) -> ItemResult:
        record: dict[str, Any] = dict(item.content)
        key = record.pop("id")
        if head.path == "/v1/people":
            return ItemResult(key=key, result=book.customer(key, Customer(id="", **record)))
        people = {"driver": record.pop("driver")} if "driver" in record else {}
        return ItemResult(key=key, result=book.vehicle(key, Vehicle(id="", **record), people=people))

    def answer(self, head: Head, summary: Summary) -> Reply:
        found = {
            "received": summary.received, "accepted": summary.accepted, "unchanged": summary.unchanged,
            "quarantined": summary.quarantined,
            "items": [[one.key, one.result, one.reason, one.field] for one in summary.items],
        }  # fmt: skip
        return Reply(content=json.dumps(found).encode())


def manifest(limits: PushLimits | None = None) -> Manifest:
    return Manifest(
        name=NAME, title="Lijst", actor="LIJST", receives=lambda: ListReceiver(limits or PushLimits(per_second=1000.0))
    )


push_manifest = manifest()


def lines(*records: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def person(number: int, **more: Any) -> dict[str, Any]:
    return {"id": f"R{number}", "last_name": f"Jansen{number}", "first_name": "Jan", "city": "Utrecht", **more}
