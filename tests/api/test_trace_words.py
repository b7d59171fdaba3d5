"""What the trace says of every kind of message."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product
from typing import Any

from wtpd.daemon.api import trace_words
from wtpd.store.messages import Message
from wtpd.texts import LANGUAGES


def message(**other: Any) -> Message:
    values: dict[str, Any] = {
        "id": 1, "at": datetime(2026, 11, 2, tzinfo=UTC), "channel": "superservice/rostock", "direction": "out",
        "appointment_id": "a", "operation": "create", "fields": (), "key": "k", "actor": None, "partner_id": "A-17",
        "version": 1, "attempts": 1, "outcome": "ok", "status": 201, "error": None, "answered_at": None,
        "echoed_at": None, "inbox": None,
    }  # fmt: skip
    return Message(**{**values, **other})


def test_every_kind_of_message_has_a_sentence_of_its_own() -> None:
    kinds = [
        *(
            message(operation=operation, outcome=outcome, error="no" if outcome == "refused" else None)
            for operation, outcome in product(("create", "update", "cancel"), (None, "ok", "refused", "failed"))
        ),
        *(message(operation=operation, key=None) for operation in ("look", "same", "differs", "gone", "anew")),
        *(message(outcome="refused", status=status) for status in (409, 412, 422)),
        *(
            message(direction="in", operation=operation)
            for operation in ("create", "update", "cancel", "none", "echo", "late", "quarantine")
        ),
    ]
    for language in LANGUAGES:
        said = [trace_words.of_message(one, "SUPERSERVICE Connect").render(language) for one in kinds]
        assert len(set(said)) == len(said)
        assert all(one.startswith("SUPERSERVICE Connect: ") for one in said)
    assert trace_words.of_message(kinds[1], "SUPERSERVICE Connect").render() == (
        "SUPERSERVICE Connect: created there as A-17"
    )


def test_what_there_is_to_add() -> None:
    def added(**other: Any) -> list[str]:
        return list(trace_words.about_message(message(**other), "en"))

    assert added() == []
    assert added(operation="update", fields=("notes", "drop_off"), attempts=3) == ["notes, drop-off", "sent 3 times"]
    assert added(outcome="refused", error="advisor unknown", fields=("advisor",)) == ["advisor unknown"]
    assert added(direction="in", attempts=2) == ["received 2 times"]
