"""What a user gets for each broken rule and each doubt about a file: the place, and a sentence in their language."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.support.partners import MANIFESTS, PROVIDERS
from wtpd.config.errors import ConfigError
from wtpd.config.load import ConfigErrors, load

RIGHT = """\
modules: [online_booking]
mail: {host: mail.example.com, sender: wtpd@example.com}
sites:
  - id: rostock
    name: Autohaus Rostock
    status_mail: a@example.com
    brands: [NISSAN]
    departments: [{id: Werkstatt, load_limit: 90}]
    partners: {superservice: {dealer_number: "00123"}}
"""
MAIL = "host: mail.example.com"
RULES = {
    "scheme": (MAIL, "host: smtp://mail.example.com", 2, "mail.example.com"),
    "port": (MAIL, 'host: "mail.example.com:587"', 2, "587"),
    "blank": (MAIL, 'host: "mail example"', 2, "mail example"),
    "sender": ("wtpd@example.com", "wtpd@exa mple.com", 2, "sender"),
    "relative socket": ("sites:", "api: {socket: api.sock}\nsites:", 3, "socket api.sock is relative"),
    "long socket": ("sites:", f"api: {{socket: /{'x' * 125}}}\nsites:", 3, "the system allows 107"),
    "module": ("online_booking", "online_bokking", 1, "did you mean online_booking?"),
    "status mail": ("a@example.com", "a@@example.com", 6, "status_mail"),
    "brand": ("[NISSAN]", "[NISAN]", 7, "did you mean NISSAN?"),
    "other brand": ("[NISSAN]", "[RENAULT]", 9, "the brand NISSAN isn't switched on there"),
    "country": ("brands:", "country: XX\n    brands:", 7, "XX"),
    "time zone": ("brands:", "time_zone: Europe/Rostock\n    brands:", 7, "Europe/Berlin"),
    "region": ("brands:", "region: XY\n    brands:", 7, "region XY is unknown in DE"),
    "open day": ("load_limit: 90", "open_on: ['2026-13-40']", 8, "is no day"),
    "no appointments": ("superservice:", "dat: {dealer_number: '7'}, superservice:", 9, "exchanges no appointments"),
    "no effect": ("sites:", "connectors: {dat: {interval: 1min}}\nsites:", 3, "interval has no effect with dat"),
    "login in address": (
        "sites:", "connectors: {dat: {address: 'https://u:p@dat.example'}}\nsites:", 3, "user:password@",
    ),
    "listener's address": ("sites:", "listener: {address: box}\nsites:", 3, "address box is no address"),
    "network": ("sites:", "listener: {networks: [192.168.1.0/33]}\nsites:", 3, "192.168.1.0/33 is no network"),
    "address in network": ("sites:", "listener: {networks: [192.168.1.7/24]}\nsites:", 3, "192.168.1.0/24"),
    "no network": ("sites:", "listener: {enabled: true, networks: []}\nsites:", 3, "networks is empty"),
    "listener's name": ("sites:", "listener: {names: ['https://box']}\nsites:", 3, "box"),
    "not mailed": ("    status_mail: a@example.com\n", "", 8, "needs a status_mail"),
}  # fmt: skip
DOUBTS = {
    "no sites": (RIGHT[RIGHT.index("sites:") :], "", None, "Was the end of the file lost?"),
    "no mail server": (MAIL + ", ", "", 2, "nobody gets status mails"),
    "key alone": ("sites:", "listener: {key: /etc/wtpd/l.key}\nsites:", 3, "key has no effect without certificate"),
    "umlaut": ("a@example.com", "wärkstatt@example.com", 6, "before the @"),
    "load": ("load_limit: 90", "load_limit: 180", 8, "load_limit 180"),
    "mails of a user": ("sites:", "credentials: {email: {scope: user}}\nsites:", 3, "scope: user serves other"),
    "mails of an assessor": (
        "sites:",
        "credentials: {email: {scope: assessor}}\nsites:",
        3,
        "scope: assessor serves other",
    ),
    "comment": ("Autohaus Rostock", "Autohaus #1 Rostock", 5, 'only "Autohaus" counts'),
    "empty partner": ('{superservice: {dealer_number: "00123"}}', "{superservice: }", 9, "give dealer_number"),
}


def errors(text: str) -> Sequence[ConfigError]:
    with pytest.raises(ConfigErrors) as caught:
        load(text, manifests=MANIFESTS, providers=PROVIDERS)
    return caught.value.errors


def doubts(text: str) -> Sequence[ConfigError]:
    return load(text, manifests=MANIFESTS, providers=PROVIDERS).warnings


def read_in_all_languages(found: ConfigError, line: int | None, expected: str) -> None:
    english = found.render("en")
    assert expected in english
    if line is not None:
        assert found.place.line == line, english
    for language in ("de", "nl"):
        said = found.render(language)
        assert said != english, f"not translated: {english}"
        assert said.startswith(f"wtpd.yaml:{found.place.line}:{found.place.column}: ")
        assert "{" not in said.replace("{}", ""), "a value wasn't put in"


def test_the_file_that_is_changed_below_is_right_and_gives_no_doubts() -> None:
    assert not doubts(RIGHT)


@pytest.mark.parametrize("rule", RULES)
def test_a_broken_rule_is_told_at_its_line_in_three_languages(rule: str) -> None:
    old, new, line, expected = RULES[rule]
    assert old in RIGHT
    [found] = errors(RIGHT.replace(old, new, 1))
    read_in_all_languages(found, line, expected)


@pytest.mark.parametrize("doubt", DOUBTS)
def test_a_doubt_is_told_in_three_languages_and_refuses_nothing(doubt: str) -> None:
    old, new, line, expected = DOUBTS[doubt]
    assert old in RIGHT
    [found] = doubts(RIGHT.replace(old, new, 1))
    read_in_all_languages(found, line, expected)


def test_the_rules_of_all_sites_are_told_at_once_beside_errors_of_form() -> None:
    second = RIGHT[RIGHT.index("  - id") :].replace("rostock", "guestrow").replace("00123", "00124")
    broken = RIGHT.replace("brands:", "postcode: 18069\n    time_zone: Europe/Barlin\n    brands:")
    found = errors(broken + second.replace("[NISSAN]", "[NISAN]"))
    assert [one.place.line for one in sorted(found, key=lambda one: one.place.line)] == [7, 8, 15]
