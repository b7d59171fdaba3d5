"""A channel of the real sync engine with the real SUPERSERVICE connector, over a dealership's database."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace

from bench.dealership import SPEC, Dealership
from wtpd.book.sync_port import SyncBook
from wtpd.clock import SystemClock
from wtpd.connectors.kit.http import PartnerHttp
from wtpd.connectors.superservice.connector import Superservice
from wtpd.store import channels
from wtpd.store.session import StoreTransactions
from wtpd.sync.channel import Channel


@asynccontextmanager
async def channel(
    place: Dealership, address: str, *, at_once: int = 8, long_poll: float = 50.0
) -> AsyncIterator[Channel]:
    """Ready to run. The availability isn't published, since what is measured are appointments."""
    spec = replace(SPEC, calls_at_once=at_once, long_poll=long_poll)
    http = PartnerHttp(address, calls_at_once=at_once)
    await place.db.write(lambda tx: channels.put(tx, spec))
    transactions = StoreTransactions(place.db, lambda tx: SyncBook(place.book, tx))
    made = Channel(spec, Superservice(http, _secrets), transactions, clock=SystemClock(), chance=random.Random(1))
    place.db.listeners.append(lambda events, signals: made.notice(signals))
    try:
        await made.state.load()
        yield made
    finally:
        await made.close()
        await http.aclose()


async def _secrets() -> Mapping[str, str]:
    return {"client_id": "bench", "client_secret": "bench-secret"}
