"""A connector whose partner sends by itself: `POST /push/lijst/v1/people`, lines of JSON, one person each; `/v1/cars`
likewise. Small, and strict in what a receiver must be strict in."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from wtpd.connectors.manifest import Manifest
from wtpd.connectors.receiver import Head, Item, ItemResult, PushBook, PushLimits, Reply, Signature, Summary, Unreadable
from wtpd.planner.customer import Customer
from wtpd.planner.vehicle import Vehicle
from wtpd.secrets.providers import Field, Provider
from wtpd.texts import N_

NAME = "lijst"


SIGNATURE = "lijst-signature"
SECRET = "lijst-shared-secret"


def sign(body: bytes, secret: str = SECRET) -> str:
    """`sha256=…`, HMAC over the bytes that are sent."""
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


class Signed:
    def __init__(self, wanted: str, secret: str) -> None:
        self._wanted = wanted.encode()
        self._found = hmac.new(secret.encode(), digestmod=hashlib.sha256)

    def feed(self, data: bytes) -> None:
        self._found.update(data)

    def is_good(self) -> bool:
        return hmac.compare_digest(self._wanted, f"sha256={self._found.hexdigest()}".encode())


class ListReceiver:
    """`is_signed`: bodies are taken only with a signature."""

    def __init__(self, limits: PushLimits, *, is_signed: bool = False) -> None:
        self.limits = limits
        self.signed_by = (SIGNATURE,) if is_signed else ()

    def signature(self, head: Head, secrets: Mapping[str, str]) -> Signature | None:
        wanted = head.headers.get(SIGNATURE, "")
        return Signed(wanted, secrets["secret"]) if wanted.startswith("sha256=") else None

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
        name=NAME, title="Lijst", actor="LIJST",
        receives=lambda access: ListReceiver(limits or PushLimits(per_second=1000.0)),
    )  # fmt: skip


def signed_manifest() -> Manifest:
    """The same, for a partner that signs."""
    secret = Field(name="secret", label=N_("Secret"), secret=True)
    return Manifest(
        name=NAME, title="Lijst", actor="LIJST", provider=Provider(name=NAME, title="Lijst", fields=(secret,)),
        receives=lambda access: ListReceiver(PushLimits(per_second=1000.0), is_signed=True),
    )  # fmt: skip


push_manifest = manifest()


def lines(*records: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def person(number: int, **more: Any) -> dict[str, Any]:
    return {"id": f"R{number}", "last_name": f"Jansen{number}", "first_name": "Jan", "city": "Utrecht", **more}
