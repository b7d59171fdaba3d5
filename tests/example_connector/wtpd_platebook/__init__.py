"""Platebook, a register of vehicles that nobody runs: an example of a connector. This file is the manifest; the rest is
loaded when it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wtpd.connectors.actions import Action, ActionField, Asked, Done
from wtpd.connectors.kit import vehicle_actions
from wtpd.connectors.kit.sandbox_side import Act, Argument
from wtpd.connectors.manifest import Access, Manifest, VehicleDataConnector
from wtpd.secrets.providers import Field, Provider
from wtpd.texts import N_

if TYPE_CHECKING:
    from wtpd.connectors.kit.sandbox_side import Host, PartnerSide

ADDRESS = "https://platebook.example"


def _vehicle_data(access: Access) -> VehicleDataConnector:
    from wtpd_platebook.connector import Platebook

    return Platebook(access.http(access.settings.address or ADDRESS, size_limit=100_000))


async def _owners(asked: Asked) -> Done:
    from wtpd_platebook.owners import ask

    return await ask(asked, ADDRESS)


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
    actions=(
        vehicle_actions.identify(),
        Action(
            name="owners",
            label=N_("Ask for earlier owners"),
            on="vehicle",
            handler=_owners,
            confirm=N_("Platebook tells the owners that somebody asked."),
            fields=(ActionField(name="since", label=N_("Since"), form="date"),),
        ),
    ),
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
