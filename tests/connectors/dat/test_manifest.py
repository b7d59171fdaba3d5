from __future__ import annotations

import subprocess
import sys

import pytest

from wtpd.connectors.dat import manifest
from wtpd.connectors.dat.products import DATECODE, FINANCE, PRODUCTS, split


def test_the_manifest_says_what_it_can_and_needs() -> None:
    assert (manifest.name, manifest.capabilities, manifest.mapping) == ("dat", {"vehicle_data"}, None)
    assert manifest.provider is not None
    assert [(field.name, field.secret, field.required) for field in manifest.provider.fields] == [
        ("customer_number", False, True),
        ("user_name", False, True),
        ("password", True, True),
        ("interface_partner_number", False, False),
        ("interface_partner_signature", True, False),
    ]
    assert manifest.provider.scopes == ("general", "office", "assessor")


@pytest.mark.parametrize("module", ["wtpd.connectors.dat", "wtpd.connectors.dat.client"])
def test_nothing_heavy_is_loaded_before_it_is_used(module: str) -> None:
    script = f"import sys, {module}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert not {"lxml", "lxml.etree", "httpx", "aiohttp", "starlette"} & set(loaded)
    assert not [name for name in loaded if name.startswith(("wtpd.sandbox", "wtpd.connectors.dat.sandbox"))]


@pytest.mark.parametrize(
    ("address", "bare", "name"),
    [
        ("https://www.datgroup.com", "https://www.datgroup.com", DATECODE.name),
        ("https://www.datgroup.com/myClaim/soap/v2", "https://www.datgroup.com", "SilverDAT 3 PRO"),
        ("https://www.datgroup.com/FinanceLine/soap/", "https://www.datgroup.com", FINANCE.name),
        ("http://127.0.0.1:8080/dat", "http://127.0.0.1:8080/dat", DATECODE.name),
        ("http://127.0.0.1:8080/dat/valuateNG/soap", "http://127.0.0.1:8080/dat", "SilverDAT 3 valuateExpert"),
    ],
)
def test_the_address_says_which_product_is_licensed(address: str, bare: str, name: str) -> None:
    found, product = split(address)
    assert (found, (product or DATECODE).name) == (bare, name)


def test_every_product_has_its_own_authentication() -> None:
    assert len({(product.path(product.authentication), product.variant) for product in PRODUCTS}) == len(PRODUCTS)
