"""A repeated request is answered what the first one was (planner.md, rule 4): the answer is kept in the transaction of
the change, so there is never one without the other."""

from __future__ import annotations

from collections.abc import Callable

from wtpd.daemon.api.asgi import fingerprint
from wtpd.daemon.api.call import Answer, Call, bad_header
from wtpd.store import idempotency
from wtpd.store.database import Tx

LONGEST = 255


def once(
    call: Call, work: Callable[[Tx], Answer], *, appointment_of: Callable[[Answer], str | None] = lambda answer: None
) -> Callable[[Tx], Answer]:
    """`work`, done at most once for the caller and its `Idempotency-Key`; without a key simply `work`. Raises
    `KeyReused` if the key came with another request before, `Invalid` for one that can't be a key."""
    key = key_of(call)
    if key is None:
        return work
    caller, request = str(call.caller.uid), fingerprint(call)

    def work_once(tx: Tx) -> Answer:
        first = first_answer(tx, call)
        if first is not None:
            return first
        answer = work(tx)
        kept = idempotency.Answer(answer.status, dict(answer.headers), answer.content)
        idempotency.put(tx, caller, key, request, kept, appointment_id=appointment_of(answer))
        return answer

    return work_once


def first_answer(tx: Tx, call: Call) -> Answer | None:
    """What the caller's request with this `Idempotency-Key` was answered before, if it was; see `once`."""
    key = key_of(call)
    first = None if key is None else idempotency.get(tx, str(call.caller.uid), key, fingerprint(call))
    return None if first is None else Answer(first.status, first.body, headers=tuple(first.headers.items()))


def key_of(call: Call) -> str | None:
    """Raises `Invalid` for what can't be a key."""
    key = call.headers.get("idempotency-key")
    if key is not None and (not 0 < len(key) <= LONGEST or not key.isprintable()):
        raise bad_header("Idempotency-Key")
    return key
