"""The keys of a connector's sections are those that its manifest declares, also of a connector that isn't ours."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.partners import MANIFESTS, FakeManifest
from wtpd.config.edit import edit
from wtpd.config.errors import ConfigErrors
from wtpd.config.kinds import Kinds
from wtpd.config.load import load
from wtpd.config.model import ConnectorSettings, PartnerMapping
from wtpd.config.schema import schema
from wtpd.errors import Invalid
from wtpd.texts import N_, Text


class AcmeSettings(ConnectorSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Settings of a connector that isn't ours."""

    queue: str = "inbox"

    def problems(self) -> Iterator[tuple[tuple[str, ...], Text]]:
        if self.queue == "outbox":
            yield ("queue",), N_("queue {name} is the partner's own; name another one", name=self.queue)


class AcmeMapping(PartnerMapping, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Its mapping of a site."""

    company: str


ACME = FakeManifest("acme", "Acme", settings=AcmeSettings, mapping=AcmeMapping)
LOOKUP = FakeManifest("lookup", "Lookup", settings=ConnectorSettings, mapping=None)
ALL = (*MANIFESTS, ACME, LOOKUP)
SITE = """\
sites:
  - id: a
    name: A
    status_mail: a@b.de
    partners: {acme: {dealer_number: '1', company: '70'}}
"""


def errors(text: str) -> list[str]:
    with pytest.raises(ConfigErrors) as caught:
        load(text, manifests=ALL)
    return [str(one) for one in caught.value.errors]


def test_its_own_keys_are_read() -> None:
    config = load(f"connectors: {{acme: {{queue: orders, enabled: false}}}}\n{SITE}", manifests=ALL).config
    assert config.connectors["acme"] == AcmeSettings(queue="orders", enabled=False)
    assert config.sites[0].partners["acme"] == AcmeMapping(dealer_number="1", company="70")


@pytest.mark.parametrize(
    ("text", "place", "expected"),
    [
        ("connectors: {acme: {queu: x}}", ":1:", "unknown key queu; did you mean queue?"),
        ("connectors:\n  acme: {interval: 1min}", ":2:", "interval has no effect with acme; take it out"),
        ("connectors:\n  dat: {queue: x}", ":2:", "queue has no effect with dat; take it out"),
        ("connectors: {lookup: {horizon_days: 3}}", ":1:", "horizon_days has no effect with lookup; take it out"),
        ("connectors: {acme: {queue: outbox}}", ":1:", "queue outbox is the partner's own; name another one"),
        ("connectors: {acme: {queue: 0815}}", ":1:", 'queue 0815 must be quoted ("0815")'),
        ("connectors: {acmee: {queue: x}}", ":1:", "there is no connector acmee; did you mean acme?"),
        ("connectors: {acme: [1]}", ":1:", "acme is a section"),
        (SITE.replace(", company: '70'", ""), ":5:", "company is missing here"),
        (SITE.replace("company", "comany"), ":5:", "unknown key comany; did you mean company?"),
        (
            SITE.replace("acme", "lookup").replace(", company: '70'", ""),
            ":5:",
            "needs no dealer number; take lookup out",
        ),
        (SITE.replace("acme", "superservice"), ":5:", "unknown key company"),
    ],
)
def test_a_key_without_effect_is_an_error_with_its_cure(text: str, place: str, expected: str) -> None:
    found = [line for line in errors(text) if expected in line]
    assert found, errors(text)
    assert place in found[0]


def test_the_form_can_set_its_keys_and_no_others() -> None:
    text = "language: de\n"
    edited = edit(text, [("connectors.acme.queue", "x")], manifests=ALL)
    assert edited == f"{text}connectors:\n  acme:\n    queue: x\n"
    assert edit(text, [("connectors.acme.enabled", None)], manifests=ALL) == text
    with pytest.raises(Invalid):
        edit(text, [("connectors.lookup.queue", "x")], manifests=ALL)


def test_editors_are_told_its_keys() -> None:
    made = schema(Kinds.of(ALL))
    named = made["$defs"]["Config"]["properties"]["connectors"]["properties"]["acme"]["$ref"].rpartition("/")[2]
    assert "queue" in made["$defs"][named]["properties"]
