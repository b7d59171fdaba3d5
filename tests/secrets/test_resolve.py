"""Which entry serves an order, with the exact reasons."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.partners import KNOWN
from wtpd.config.model import CredentialSettings
from wtpd.secrets.resolve import General, NoCredential, Order, explain, resolve

DAT = KNOWN["dat"]
ORDER = Order(office="rostock", assessor="meier", user="anna")


@pytest.mark.parametrize(
    ("rule", "order", "entries", "scope", "reason"),
    [
        (None, ORDER, {"general", "office:rostock"}, "general", "DAT uses the general entry for every order"),
        (None, ORDER, {"office:rostock"}, None, "DAT has no general entry"),
        (
            General("office"),
            ORDER,
            {"office:rostock"},
            "office:rostock",
            "DAT uses the entry of the order's office rostock",
        ),
        (General("office"), ORDER, {"general"}, None, "the office rostock has no entry for DAT"),
        (
            General("office"),
            Order(),
            {"general"},
            None,
            "no office is chosen in the order, and DAT has its entries by office",
        ),
        (
            General("office", "general"),
            ORDER,
            {"general"},
            "general",
            "the office rostock has no entry for DAT; the general entry is used (fallback)",
        ),
        (
            General("office", "general"),
            ORDER,
            set(),
            None,
            "the office rostock has no entry for DAT, and there is no general entry either",
        ),
        (
            General("assessor"),
            ORDER,
            {"assessor:meier"},
            "assessor:meier",
            "DAT uses the entry of the order's assessor meier",
        ),
        (General("assessor"), ORDER, {"office:rostock"}, None, "the assessor meier has no entry for DAT"),
        (
            General("assessor"),
            Order(),
            set(),
            None,
            "no assessor is chosen in the order, and DAT has its entries by assessor",
        ),
        (General("user"), ORDER, {"user:anna"}, "user:anna", "DAT uses the entry of the signed-in user anna"),
        (General("user"), ORDER, {"user:otto"}, None, "the user anna has no entry for DAT"),
        (General("user"), Order(), set(), None, "nobody is signed in, and DAT has its entries by user"),
    ],
)
def test_each_case(rule: General | None, order: Order, entries: set[str], scope: str | None, reason: str) -> None:
    found = explain(DAT, order, entries, rule)
    assert (found.scope, str(found.reason)) == (scope, reason)
    if scope is None:
        with pytest.raises(NoCredential) as caught:
            resolve(DAT, order, entries, rule)
        assert str(caught.value) == reason
        assert caught.value.kind == "no-credential"
    else:
        assert resolve(DAT, order, entries, rule) == scope


def test_entries_of_those_who_left_serve_no_order() -> None:
    entries = {"assessor:meier", "general"}
    found = explain(DAT, ORDER, entries, General("assessor"), inactive={"assessor:meier"})
    assert (found.scope, str(found.reason)) == (None, "the assessor meier isn't active any more")
    found = explain(DAT, ORDER, entries, General("assessor", "general"), inactive={"assessor:meier"})
    assert (found.scope, str(found.reason)) == (
        "general",
        "the assessor meier isn't active any more; the general entry is used (fallback)",
    )
    assert resolve(DAT, ORDER, entries, General("assessor"), inactive={"assessor:otto"}) == "assessor:meier"
    found = explain(KNOWN["email"], ORDER, {"user:anna"}, General("user"), inactive={"user:anna"})
    assert str(found.reason) == "the user anna isn't active any more"


def test_the_settings_of_the_file_are_rules() -> None:
    rule = CredentialSettings(scope="office", fallback="general")
    assert resolve(DAT, ORDER, {"general"}, rule) == "general"


IDS = st.sampled_from(["a", "b", None])


@settings(deadline=None, max_examples=200)
@given(
    st.sets(st.sampled_from(["general", "office:a", "office:b", "assessor:a", "assessor:b", "user:a", "user:b"])),
    st.builds(Order, office=IDS, assessor=IDS, user=IDS),
    st.builds(General, st.sampled_from(["general", "office", "assessor", "user"]), st.sampled_from([None, "general"])),
)
def test_never_an_entry_of_somebody_else_and_no_silent_fallback(entries: set[str], order: Order, rule: General) -> None:
    scope = explain(DAT, order, entries, rule).scope
    if scope is None:
        return
    assert scope in entries
    if scope != "general":
        level, identity = scope.split(":")
        assert level == rule.scope
        assert getattr(order, level) == identity
    else:
        assert rule.scope == "general" or rule.fallback == "general"
