"""The kinds of channels that there are: one maker each."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection

from wtpd.book.book import Book
from wtpd.clock import Clock
from wtpd.config.model import Config
from wtpd.connectors.manifest import Manifest
from wtpd.daemon.channels.appointments import AppointmentChannels
from wtpd.daemon.channels.asked import Failing
from wtpd.daemon.channels.channel import Maker
from wtpd.daemon.channels.others import OtherChannels
from wtpd.daemon.channels.receiver import ReceiverChannels
from wtpd.daemon.channels.rentals import RentalChannels
from wtpd.daemon.channels.vehicle_data import Sources, VehicleDataChannels, Verify
from wtpd.daemon.credentials.resolve import Credentials
from wtpd.store.database import Database


def makers(
    db: Database,
    book: Book,
    manifests: Collection[Manifest],
    credentials: Credentials,
    config: Callable[[], Config],
    *,
    sources: Sources,
    failing: Callable[[str], Failing | None],
    verify: Verify,
    quiet: Callable[[str], None],
    clock: Clock,
    chance: random.Random,
) -> list[Maker]:
    """In their order: the first that takes a connector makes its channels, the last takes every one. `verify` tries
    stored credentials; `failing`: since when a source can't be asked; `quiet` is told of runs in which nothing
    happened."""
    entries = credentials.state
    return [
        AppointmentChannels(db, book, manifests, credentials.of_channel, clock=clock, chance=chance, quiet=quiet),
        RentalChannels(
            db,
            entries,
            clock,
            chance=chance,
            verify=verify,
            secrets=credentials.of_channel,
            scope_of=credentials.scope,
            note_use=credentials.note_use,
        ),
        VehicleDataChannels(db, sources, entries, clock, verify=verify, failing=failing),
        ReceiverChannels(db, entries, clock, config),
        OtherChannels(db, entries, clock),
    ]
