"""What Carloop's manifest declares, and its keys in wtpd.yaml."""

from __future__ import annotations

import pytest

from tests.support.partners import KNOWN
from wtpd.config.errors import ConfigErrors
from wtpd.config.load import load
from wtpd.connectors.carloop import manifest
from wtpd.connectors.registry import load as connectors
from wtpd.secrets.providers import WITHOUT_CONNECTOR

HEAD = "modules: [carloop]\nconnectors:\n  carloop: {"


def errors(line: str) -> list[str]:
    with pytest.raises(ConfigErrors) as caught:
        load(f"{HEAD}{line}}}\n", manifests=connectors().manifests.values(), providers=KNOWN.values())
    return [str(error) for error in caught.value.errors]


def test_the_credentials_are_address_and_token_in_general_or_by_office() -> None:
    provider = connectors().providers["carloop"]
    assert provider is manifest.provider
    assert [(one.name, one.secret, one.form) for one in provider.fields] == [
        ("address", False, "https"),
        ("token", True, "code"),
    ]
    assert provider.scopes == ("general", "office")
    assert "carloop" not in {one.name for one in WITHOUT_CONNECTOR}
    assert manifest.capabilities == {"rentals"} and manifest.module == "carloop"


def test_an_address_in_the_settings_would_do_nothing_and_says_where_it_stands() -> None:
    assert any("wtpd credential set carloop" in one for one in errors("address: https://cars.example.com"))


@pytest.mark.parametrize("line", ["ca_file: ca.pem", "calls_per_second: 0", "calls_per_second: 51", "interval: 5min"])
def test_other_keys_keep_their_form(line: str) -> None:
    assert errors(line)
    load(
        f"{HEAD}ca_file: /etc/wtpd/ca.pem, calls_per_second: 5}}\n",
        manifests=connectors().manifests.values(),
        providers=KNOWN.values(),
    )
