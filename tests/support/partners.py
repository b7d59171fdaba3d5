"""Connectors and providers as the configuration's rules see them."""

from __future__ import annotations

from dataclasses import dataclass

from wtpd.config.model import AppointmentSettings, ConnectorSettings, PartnerMapping
from wtpd.connectors.dat.settings import DatSettings
from wtpd.connectors.rdw.settings import RdwSettings
from wtpd.connectors.registry import load

KNOWN = load().providers
"""Whose credentials can be kept where only our own connectors are installed."""


@dataclass(frozen=True)
class FakeManifest:
    name: str
    title: str
    module: str | None = None
    brand: str | None = None
    settings: type[ConnectorSettings] = AppointmentSettings
    mapping: type[PartnerMapping] | None = PartnerMapping
    is_off_by_default: bool = False
    countries: tuple[str, ...] = ()


@dataclass(frozen=True)
class FakeProvider:
    name: str
    scopes: tuple[str, ...] = ("general", "office")


MANIFESTS = (
    FakeManifest("superservice", "SUPERSERVICE Connect", module="online_booking", brand="NISSAN"),
    FakeManifest("carloop", "Carloop"),
    FakeManifest("dat", "DAT", settings=DatSettings, mapping=None),
    FakeManifest("rdw", "RDW", settings=RdwSettings, mapping=None),
)
PROVIDERS = (FakeProvider("superservice"), FakeProvider("email", ("general", "office", "assessor", "user")))
