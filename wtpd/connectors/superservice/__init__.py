"""SUPERSERVICE Connect (spec: superservice.md): the manifest. The rest of the package is loaded when it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wtpd.config.model import AppointmentSettings, PartnerMapping
from wtpd.connectors.manifest import Access, AppointmentPartner, Manifest
from wtpd.connectors.superservice.acts import ACTS
from wtpd.secrets.providers import Field, Provider
from wtpd.sync.ports import FIELDS
from wtpd.texts import N_

if TYPE_CHECKING:
    from wtpd.connectors.kit.sandbox_side import Host, PartnerSide


def _appointments(access: Access) -> AppointmentPartner:
    from wtpd.connectors.superservice.connector import Superservice

    return Superservice(access.http(), access.secrets)


def _sandbox(host: Host) -> PartnerSide:
    from wtpd.connectors.superservice.sandbox import SuperserviceSide

    return SuperserviceSide(host)


manifest = Manifest(
    name="superservice",
    title="SUPERSERVICE Connect",
    actor="SUPERSERVICE",
    module="online_booking",
    brand="NISSAN",
    provider=Provider(
        name="superservice",
        title="SUPERSERVICE Connect",
        fields=(
            # With their blanks: both may be any printable ASCII (RFC 6749, appendix A.1 and A.2).
            Field(name="client_id", label=N_("Client id")),
            Field(name="client_secret", label=N_("Client secret"), secret=True),
        ),
    ),
    settings=AppointmentSettings,
    mapping=PartnerMapping,
    delivered_fields=dict.fromkeys(FIELDS, "yes"),
    appointments=_appointments,
    sandbox=_sandbox,
    acts=ACTS,
)
