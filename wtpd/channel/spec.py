"""What a channel is and how it calls its partner, as plain values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelSpec:
    """One connector at one site. Times in seconds.

    `id` is `connector/site`; `account` our number at the partner; `actor` the author of what comes from there;
    `fields` the shared fields the partner keeps (empty: all); `zone` decides when a new day begins."""

    id: str
    connector: str
    site: str
    department: str
    account: str
    actor: str
    zone: str = "Europe/Berlin"
    fields: frozenset[str] = frozenset()
    interval: float = 300.0
    """Between the end of a run and the next one."""
    long_poll: float = 50.0
    """How long the partner may hold a request for changes; 0 if it offers no long poll."""
    burst: float = 0.2
    calls_at_once: int = 8
    horizon_days: int = 90
    page_size: int = 100
