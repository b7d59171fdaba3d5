"""Rules across the file, each with both ends named."""

from __future__ import annotations

import pytest

from tests.support.partners import MANIFESTS, PROVIDERS, FakeManifest
from wtpd.config.channels import channels, places
from wtpd.config.load import ConfigErrors, load
from wtpd.config.model import ConnectorSettings

HEAD = "modules: [online_booking]\n"
FIRST = """\
sites:
  - id: rostock
    name: Autohaus Rostock
    status_mail: a@example.com
    brands: [NISSAN]
    departments: [{id: Werkstatt}, {id: Karosserie}]
    partners: {superservice: {dealer_number: "00123"}}
"""


def errors(text: str) -> list[str]:
    with pytest.raises(ConfigErrors) as caught:
        load(text, manifests=MANIFESTS, providers=PROVIDERS)
    return [str(error).removeprefix("wtpd.yaml:") for error in caught.value.errors]


def passes(text: str) -> bool:
    load(text, manifests=MANIFESTS, providers=PROVIDERS)
    return True


def test_the_first_site_is_right() -> None:
    assert passes(HEAD + FIRST)


def test_a_dealer_number_stands_for_one_site_and_both_are_named() -> None:
    second = FIRST.replace("sites:\n", "").replace("rostock", "guestrow")
    assert errors(FIRST + second) == [
        "13:46: dealer number 00123 is used by two sites: rostock (line 7) and guestrow; a number stands for one site"
    ]


def test_the_same_number_at_two_partners_is_fine() -> None:
    text = FIRST.replace(
        "}}\n", '}}\n  - {id: b, name: B, status_mail: a@b.de, partners: {carloop: {dealer_number: "00123"}}}\n'
    )
    assert passes(text)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "[NISSAN]",
            "[RENAULT]",
            "SUPERSERVICE Connect isn't available at rostock: the brand NISSAN isn't switched on there",
        ),
        (
            "    status_mail: a@example.com\n",
            "",
            "rostock needs a status_mail: a site with a partner gets status information",
        ),
        ("{superservice:", "{superservce:", "there is no connector superservce; did you mean superservice?"),
        ('"00123"}', '"00123", department: Lack}', "rostock has no department Lack; it has: Werkstatt, Karosserie"),
        ("{id: Karosserie}", "{id: Werkstatt}", "rostock has two departments Werkstatt"),
        (
            "sites:\n",
            "sites:\n  - {id: rostock, name: X}\n",
            "two sites have the id rostock; every id stands for one site",
        ),
        (
            "{id: Werkstatt}",
            '{id: Werkstatt, drop_off: {mon: [{times: "08:00-12:00"}, {times: "11:00-13:00"}]}}',
            "11:00-13:00 overlaps 08:00-12:00 on the same day",
        ),
        (
            "{id: Werkstatt}",
            '{id: Werkstatt, drop_off: {mon: [{times: "12:00-08:00"}]}}',
            "12:00-08:00 ends before it begins",
        ),
        (
            "sites:",
            "connectors: {superservice: {connect_timeout: 60s}}\nsites:",
            "connect_timeout is longer than total_timeout",
        ),
        (
            "sites:",
            "connectors: {superservice: {address: 'http://'}}\nsites:",
            "address: The address must begin with https:// and name a host. Right is",
        ),
        ("sites:", "credentials: {emial: {}}\nsites:", "there is no provider emial; did you mean email?"),
        (
            "sites:",
            "credentials: {superservice: {scope: user}}\nsites:",
            "superservice has no entries for the scope user; possible: general, office",
        ),
    ],
)
def test_one_broken_rule(old: str, new: str, expected: str) -> None:
    (found,) = errors(FIRST.replace(old, new))
    assert expected in found


def test_windows_that_only_touch_are_fine() -> None:
    assert passes(
        FIRST.replace("{id: Werkstatt}", '{drop_off: {mon: [{times: "08:00-12:00"}, {times: "12:00-13:00"}]}}')
    )


@pytest.mark.parametrize(("country", "region"), [("NL", "NH"), ("DE", "MV"), ("FR", "BL")])
def test_regions_of_the_countries(country: str, region: str) -> None:
    assert passes(f"sites:\n  - {{id: a, name: A, country: {country}, region: {region}}}\n")


def test_a_region_of_another_country_is_looked_up_in_the_holidays() -> None:
    (found,) = errors("sites:\n  - {id: a, name: A, country: FR, region: MV}\n")
    assert "region MV is unknown in FR; possible:" in found


def states(text: str) -> dict[str, str]:
    loaded = load(text, manifests=MANIFESTS)
    return {channel.id: channel.state for channel in channels(loaded.config, MANIFESTS)}


def test_a_connector_that_cannot_work_says_why() -> None:
    assert states(HEAD + FIRST) == {
        "superservice/rostock": "ready",
        "carloop/rostock": "not_mapped",
    }
    assert states(FIRST)["superservice/rostock"] == "not_licensed"
    off = HEAD + "connectors: {superservice: {enabled: false}}\n" + FIRST
    assert states(off)["superservice/rostock"] == "disabled"
    other = HEAD + "sites: [{id: b, name: B, brands: [RENAULT]}]"
    assert states(other)["superservice/b"] == "not_available"
    (found,) = [each for each in channels(load(other).config, MANIFESTS) if each.connector == "superservice"]
    assert str(found.reason) == "the brand NISSAN isn't switched on at B"


def test_a_connector_that_isnt_mapped_by_site_is_there_once_for_the_box() -> None:
    lookup = FakeManifest(
        "lookup", "Lookup", settings=ConnectorSettings, mapping=None, countries=("NL",), is_off_by_default=True
    )
    shown = []
    for text in (FIRST, "connectors: {lookup: {enabled: true}}\n" + FIRST):
        [one] = [
            one
            for one in places(load(text, manifests=[*MANIFESTS, lookup]).config, [lookup])
            if one.connector == "lookup"
        ]
        shown.append((one.id, one.site, one.state))
    assert shown == [("lookup", "", "disabled"), ("lookup", "", "not_available")]


@pytest.mark.parametrize("product", ["valuateExpert", "calculateExpert", "silverDatPro", "silverDatPro:NETZ.1"])
def test_a_product_of_the_partner_may_be_named(product: str) -> None:
    assert passes(f"connectors: {{dat: {{products: {{valuation: '{product}'}}}}}}\n" + FIRST)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("dat: {products: {valuation: valueExpert}}", "there is no product valueExpert"),
        ("dat: {products: {identification: 'valuateExpert:'}}", "identification"),
        ("dat: {products: {repair: calculatePro}}", "repair"),
        ("superservice: {products: {valuation: valuateExpert}}", "products has no effect with superservice"),
    ],
)
def test_a_product_that_the_partner_doesnt_have_is_an_error(settings: str, words: str) -> None:
    [error] = errors(f"connectors: {{{settings}}}\n" + FIRST)
    assert words in error
