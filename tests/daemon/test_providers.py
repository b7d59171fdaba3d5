"""Whose credentials can be kept: the providers we know, and the connectors that others bring."""

from __future__ import annotations

from wtpd.connectors.manifest import CredentialField, Manifest
from wtpd.connectors.registry import load
from wtpd.daemon.credentials import providers_of
from wtpd.secrets.providers import PROVIDERS
from wtpd.texts import N_

FIELDS = (
    CredentialField(name="key_id", label=N_("Key id"), secret=False),
    CredentialField(name="key", label=N_("Key")),
)


def test_a_connector_of_somebody_else_brings_its_fields() -> None:
    others = [
        Manifest(name="acme", title="Acme", actor="ACME", credential_fields=FIELDS),
        Manifest(name="open", title="Open", actor="OPEN"),
        Manifest(name="dat", title="Not DAT", actor="X", credential_fields=FIELDS),
    ]
    known = providers_of(others)
    assert list(known) == [*PROVIDERS, "acme"]
    assert known["dat"].title == "DAT", "ours is the one that counts"
    assert [(field.name, field.secret) for field in known["acme"].fields] == [("key_id", False), ("key", True)]
    assert known["acme"].scopes == ("general", "office")


def test_our_connectors_ask_for_what_is_kept_for_them() -> None:
    for manifest in load().manifests.values():
        assert [field.name for field in manifest.credential_fields] == [
            field.name for field in PROVIDERS[manifest.name].fields
        ]
