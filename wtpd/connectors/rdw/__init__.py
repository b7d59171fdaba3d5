"""RDW open data, the Dutch vehicle register by plate: the manifest. The rest is loaded when it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wtpd.connectors.kit.vehicle_actions import CHECK
from wtpd.connectors.manifest import Access, Manifest, VehicleDataConnector
from wtpd.connectors.rdw.acts import ACTS
from wtpd.connectors.rdw.settings import RdwSettings
from wtpd.secrets.providers import Field, Provider
from wtpd.texts import N_

if TYPE_CHECKING:
    from wtpd.connectors.kit.sandbox_side import Host, PartnerSide

ADDRESS = "https://opendata.rdw.nl"


def _vehicle_data(access: Access) -> VehicleDataConnector:
    from wtpd.connectors.rdw.connector import make

    return make(access, access.settings.address or ADDRESS)


def _sandbox(host: Host) -> PartnerSide:
    from wtpd.connectors.rdw.sandbox import RdwSide

    return RdwSide(host)


manifest = Manifest(
    name="rdw",
    title="RDW",
    actor="RDW",
    provider=Provider(
        name="rdw",
        title="RDW",
        fields=(Field(name="app_token", label=N_("App token (X-App-Token)"), secret=True, form="code"),),
        scopes=("general",),
        is_optional=True,
    ),
    settings=RdwSettings,
    is_off_by_default=True,
    countries=("NL",),
    vehicle_data=_vehicle_data,
    sandbox=_sandbox,
    actions=(CHECK,),
    acts=ACTS,
)
