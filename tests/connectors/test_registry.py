from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.support.daemon import config_text, running_daemon
from wtpd.config.model import AppointmentSettings, PartnerMapping
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


def _partner(_: object) -> Any:
    raise TypeError("a bug of the connector")


def test_appointments_need_a_site(third_party: ModuleType) -> None:
    whole = {"title": "T", "actor": "T", "appointments": _partner}
    third_party.manifest = Manifest(name="tyres", **whole)
    third_party.other = Manifest(name="wheels", mapping=PartnerMapping, **whole)
    found = registry.load([entry("tyres"), entry("wheels", "other"), OURS])
    assert list(found.manifests) == ["superservice"]
    reasons = {broken.name: broken.reason for broken in found.broken}
    assert "has no `mapping`" in reasons["tyres"]
    assert "`AppointmentSettings`" in reasons["wheels"]


async def test_a_connector_that_cant_be_made_leaves_the_others_alone(tmp_path: Path) -> None:
    tyres = Manifest(
        name="tyres", title="Tyre hotel", actor="TYRES", settings=AppointmentSettings, mapping=PartnerMapping,
        appointments=_partner,
    )  # fmt: skip
    known = registry.Registry({**registry.load().manifests, "tyres": tyres})
    mapping = "    partners: {tyres: {department: Werkstatt, dealer_number: '1'}}\n    departments:"
    mapped = config_text(sites={"rostock": None}).replace("    departments:", mapping)
    async with running_daemon(tmp_path, mapped, registry=known) as daemon:
        shown = await daemon.channel("tyres/rostock")
        assert shown["state"] == "config_error"
        assert "TypeError" in shown["reason"]
        assert (await daemon.http.get("/v1/health")).status == 200


def test_nobody_takes_the_place_of_ours(third_party: ModuleType) -> None:
    third_party.manifest = Manifest(name="superservice", title="Impostor", actor="SUPERSERVICE")
    found = registry.load([entry("superservice"), OURS])
    assert found.manifests["superservice"] is superservice
    assert [broken.name for broken in found.broken] == ["superservice"]
