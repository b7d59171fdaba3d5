"""Platebook, a register of vehicles that nobody runs: an example of a connector. This file is the manifest; the rest is
loaded when it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wtpd.connectors.kit.sandbox_side import Act, Argument
from wtpd.connectors.manifest import Access, Manifest, VehicleDataConnector
from wtpd.secrets.providers import Field, Provider
from wtpd.texts import N_

if TYPE_CHECKING:
    from wtpd.connectors.kit.sandbox_side import Host, PartnerSide


def _vehicle_data(access: Access) -> VehicleDataConnector:
    from wtpd_platebook.connector import Platebook

    address = access.settings.address or "https://platebook.example"
    return Platebook(access.http(address, size_limit=100_000))


def _sandbox(host: Host) -> PartnerSide:
    from wtpd_platebook.sandbox import PlatebookSide

    return PlatebookSide(host)


manifest = Manifest(
    name="platebook",
    title="Platebook",
    actor="PLATEBOOK",
    provider=Provider(
        name="platebook",
        title="Platebook",
        fields=(Field(name="token", label=N_("Token"), secret=True, form="code"),),
    ),
    vehicle_data=_vehicle_data,
    sandbox=_sandbox,
    acts=(
        Act(
            name="vehicle",
            help=N_("register a vehicle"),
            arguments=(
                Argument(name="vin", help=N_("VIN"), required=True),
                Argument(name="make", help=N_("make"), required=True),
            ),
        ),
        Act(
            name="token",
            help=N_("take another token from now on"),
            arguments=(Argument(name="token", help=N_("token"), required=True),),
        ),
    ),
)
