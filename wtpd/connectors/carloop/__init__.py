"""Carloop, rental cars for the time of a visit (spec: carloop.md): the manifest. The rest is loaded when it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wtpd.connectors.carloop.acts import ACTS
from wtpd.connectors.carloop.settings import CarloopSettings
from wtpd.connectors.manifest import Access, Manifest, RentalConnector
from wtpd.secrets.providers import Field, Provider
from wtpd.texts import N_

if TYPE_CHECKING:
    from wtpd.connectors.kit.sandbox_side import Host, PartnerSide


def _rentals(access: Access) -> RentalConnector:
    from wtpd.connectors.carloop.connector import Carloop

    return Carloop(access)


def _sandbox(host: Host) -> PartnerSide:
    from wtpd.connectors.carloop.sandbox import CarloopSide

    return CarloopSide(host)


manifest = Manifest(
    name="carloop",
    title="Carloop",
    actor="Carloop",
    module="carloop",
    provider=Provider(
        name="carloop",
        title="Carloop",
        fields=(
            Field(name="address", label=N_("Web address"), form="https"),
            Field(name="token", label=N_("Token"), secret=True, form="code"),
        ),
    ),
    settings=CarloopSettings,
    rentals=_rentals,
    sandbox=_sandbox,
    acts=ACTS,
)
