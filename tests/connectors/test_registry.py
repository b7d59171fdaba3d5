from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from types import ModuleType

import pytest

from wtpd.connectors import registry
from wtpd.connectors.manifest import Manifest
from wtpd.connectors.superservice import manifest as superservice

OURS = EntryPoint("superservice", "wtpd.connectors.superservice:manifest", registry.GROUP)


@pytest.fixture
def third_party(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Somebody else's package."""
    module = ModuleType("somebody_elses_connector")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


def entry(name: str, attribute: str = "manifest") -> EntryPoint:
    return EntryPoint(name, f"somebody_elses_connector:{attribute}", registry.GROUP)


def test_what_is_installed_is_there() -> None:
    found = registry.load()
    assert found.manifests["superservice"] is superservice
    assert found.broken == ()


def test_a_third_party_adds_one(third_party: ModuleType) -> None:
    third_party.manifest = Manifest(name="tyres", title="Tyre hotel", actor="TYRES")
    assert list(registry.load([entry("tyres"), OURS]).manifests) == ["superservice", "tyres"]


def test_a_broken_one_is_reported_and_the_others_work(third_party: ModuleType) -> None:
    third_party.manifest = {"name": "tyres"}
    third_party.other = Manifest(name="wheels", title="Wheels", actor="WHEELS")
    found = registry.load(
        [
            EntryPoint("absent", "no_such_package:manifest", registry.GROUP),
            entry("empty", "nothing"),
            entry("tyres"),
            entry("misnamed", "other"),
            OURS,
        ]
    )
    assert list(found.manifests) == ["superservice"]
    assert {broken.name: broken.reason.partition(":")[0] for broken in found.broken} == {
        "absent": "ModuleNotFoundError",
        "empty": "AttributeError",
        "misnamed": "its manifest is named 'wheels'",
        "tyres": "somebody_elses_connector",
    }


def test_nobody_takes_the_place_of_ours(third_party: ModuleType) -> None:
    third_party.manifest = Manifest(name="superservice", title="Impostor", actor="SUPERSERVICE")
    found = registry.load([entry("superservice"), OURS])
    assert found.manifests["superservice"] is superservice
    assert [broken.name for broken in found.broken] == ["superservice"]
