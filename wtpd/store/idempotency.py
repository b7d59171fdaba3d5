"""What a repeated request with the same `Idempotency-Key` is answered (spec: planner.md, rule 4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from wtpd.clock import iso
from wtpd.errors import KeyReused
from wtpd.store.database import Tx, from_json, to_json
from wtpd.texts import N_


@dataclass(frozen=True, slots=True)
class Answer:
    """The first answer, as it was sent."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def get(tx: Tx, caller: str, key: str, request: str) -> Answer | None:
    """The first answer to this key of this caller. `request` is the hash of method, path and body; raises `KeyReused`
    if the key came with another one."""
    row = tx.one("SELECT * FROM idempotency WHERE caller = ? AND key = ?", (caller, key))
    if row is None:
        return None
    if row["request"] != request:
        raise KeyReused(N_("This idempotency key was used for another request before; take a new one."))
    return Answer(row["status"], from_json(row["headers"]), row["body"])


def put(tx: Tx, caller: str, key: str, request: str, answer: Answer, *, appointment_id: str | None = None) -> None:
    """Keep the answer, in the transaction of the change it tells of."""
    tx.run(
        """INSERT INTO idempotency (caller, key, at, request, status, headers, body, appointment_id)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?)""",
        (
            caller, key, iso(tx.now), request, answer.status, to_json(dict(answer.headers)), answer.body,
            appointment_id,
        ),
    )  # fmt: skip


def prune(tx: Tx, before: datetime) -> int:
    """Forget keys older than `before`; how many they were."""
    return tx.run("DELETE FROM idempotency WHERE at < ?", (iso(before),)).rowcount
