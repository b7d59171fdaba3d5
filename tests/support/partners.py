"""Connectors and providers as the configuration's rules see them."""

from __future__ import annotations

from dataclasses import dataclass

from wtpd.connectors.dat.products import KEYS


@dataclass(frozen=True)
class FakeManifest:
    name: str
    title: str
    module: str | None = None
    brand: str | None = None
    capabilities: frozenset[str] = frozenset({"appointments", "changes", "availability"})
    products: tuple[str, ...] = ()


@dataclass(frozen=True)
class FakeProvider:
    name: str
    scopes: tuple[str, ...] = ("general", "office")


MANIFESTS = (
    FakeManifest("superservice", "SUPERSERVICE Connect", module="online_booking", brand="NISSAN"),
    FakeManifest("carloop", "Carloop"),
    FakeManifest("dat", "DAT", capabilities=frozenset({"identification", "valuation"}), products=KEYS),
)
PROVIDERS = (FakeProvider("superservice"), FakeProvider("email", ("general", "office", "assessor", "user")))
