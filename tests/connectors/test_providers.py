"""Whose credentials can be kept: the providers that connectors declare, and those that have no connector."""

from __future__ import annotations

from typing import Any

from wtpd.connectors.manifest import Manifest
from wtpd.connectors.registry import load, providers_of
from wtpd.secrets.providers import WITHOUT_CONNECTOR, Field, Provider
from wtpd.texts import N_

KEY = Field(name="key", label=N_("Token"), secret=True, form="code")


def manifest(name: str, provider: Provider | None = None) -> Manifest:
    return Manifest(name=name, title=name.title(), actor=name.upper(), provider=provider)


def test_a_connector_of_somebody_else_brings_its_fields_as_it_declares_them() -> None:
    theirs = Provider(name="acme", title="Acme", fields=(KEY,), scopes=("general",), derive=lambda values: {"x": "y"})
    known = providers_of([manifest("acme", theirs), manifest("open")])
    assert list(known) == ["acme", *(one.name for one in WITHOUT_CONNECTOR)]
    assert known["acme"] is theirs


def test_a_connector_for_a_provider_that_had_none_says_what_it_wants() -> None:
    theirs = Provider(name="audatex", title="Audatex", fields=(KEY,))
    assert providers_of([manifest("audatex", theirs)])["audatex"] is theirs


def test_nobody_is_a_provider_without_being_a_connector_or_having_none() -> None:
    names = set(load().providers)
    assert names == {"carloop", "dat", "rdw", "superservice", *(one.name for one in WITHOUT_CONNECTOR)}
    assert names >= {"carloop", "carsys", "autoflex", "incadea", "nextlane", "wincar", "sinno"}, (
        "as credentials.md lists"
    )


class Entry:
    """An installed entry point; its manifest is at hand."""

    def __init__(self, found: Manifest) -> None:
        self.name, self.value, self._found = found.name, "acme:manifest", found

    def load(self) -> Manifest:
        return self._found


def broken(found: Manifest) -> str:
    entries: list[Any] = [Entry(found)]
    (one,) = load(entries).broken
    return one.reason


def test_a_connector_keeps_to_its_own_name() -> None:
    assert "its provider is named 'dat'" in broken(manifest("acme", Provider(name="dat", title="DAT", fields=(KEY,))))
    mail = Provider(name="email", title="Not the mail server", fields=(KEY,))
    assert "mail server" in broken(manifest("email", mail)), "its fields would get the mail server's password"
