"""Connectors and providers as the configuration's rules see them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FakeManifest:
    name: str
    title: str
    module: str | None = None
    brand: str | None = None
    capabilities: frozenset[str] = frozenset({"appointments", "changes", "availability"})


@dataclass(frozen=True)
class FakeProvider:
    name: str
    scopes: tuple[str, ...] = ("general", "office")


MANIFESTS = (
    FakeManifest("superservice", "SUPERSERVICE Connect", module="online_booking", brand="NISSAN"),
    FakeManifest("carloop", "Carloop"),
)
PROVIDERS = (FakeProvider("superservice"), FakeProvider("email", ("general", "office", "assessor", "user")))
