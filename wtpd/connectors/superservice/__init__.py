"""SUPERSERVICE Connect (spec: superservice.md): the manifest. The rest of the package is loaded when it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wtpd.connectors.manifest import AppointmentConnector, CredentialField, Manifest, Secrets
from wtpd.connectors.superservice.acts import ACTS
from wtpd.sync.ports import FIELDS
from wtpd.texts import N_

if TYPE_CHECKING:
    from wtpd.connectors.kit.http import PartnerHttp
    from wtpd.connectors.kit.sandbox_side import Host, PartnerSide


def _connect(http: PartnerHttp, secrets: Secrets) -> AppointmentConnector:
    from wtpd.connectors.superservice.connector import Superservice

    return Superservice(http, secrets)


def _sandbox(host: Host) -> PartnerSide:
    from wtpd.connectors.superservice.sandbox import SuperserviceSide

    return SuperserviceSide(host)


manifest = Manifest(
    name="superservice",
    title="SUPERSERVICE Connect",
    actor="SUPERSERVICE",
    module="online_booking",
    brand="NISSAN",
    capabilities=frozenset({"appointments", "changes", "availability", "links"}),
    delivered_fields=frozenset(FIELDS),
    credential_fields=(
        CredentialField(name="client_id", label=N_("Client ID"), secret=False),
        CredentialField(name="client_secret", label=N_("Client secret")),
    ),
    connect=_connect,
    sandbox=_sandbox,
    acts=ACTS,
)
