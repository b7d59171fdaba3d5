"""Who changed what and when: one entry per change, append-only (spec: planner.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Change:
    """One field's old and new value, as JSON values; `None` for a field that wasn't there."""

    old: Any
    new: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Whoever makes a change: `actor` as the history shows it (a login, `SUPERSERVICE`), `interface` the door it came
    through (`desk`, `api`, `import`, `sync:superservice`)."""

    actor: str
    interface: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    id: int
    appointment_id: str
    at: datetime
    actor: str
    channel: str
    action: str
    """`created`, `changed` or `cancelled`."""
    version: int
    """The appointment's version after the change."""
    changes: Mapping[str, Change]
    undoes: int | None = None
    """The entry that this one takes back."""
