"""The three-way merge as a pure function: what must hold for any base, ours and theirs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wtpd.sync.plan import (
    Action,
    Agree,
    Ask,
    CancelHere,
    CancelThere,
    Conflict,
    CreateHere,
    CreateThere,
    LetGo,
    PassBy,
    UpdateHere,
    UpdateThere,
    plan,
)
from wtpd.sync.ports import Incoming, Intent, Link, Ours

NAMES = ("drop_off", "notes", "customer.mobile", "courtesy_car")
VALUES = st.sampled_from(["a", "b", "c", ""])
WHOLE = st.fixed_dictionaries(dict.fromkeys(NAMES, VALUES))
PART = st.dictionaries(st.sampled_from(NAMES), VALUES)
FEW = settings(deadline=None, max_examples=200)


def link(base: dict[str, Any], version: int = 1, *, tombstone: bool = False) -> Link:
    return Link(
        channel="c", account="1", partner_id="A", appointment_id="o", version=version, base=base, tombstone=tombstone
    )


def ours(fields: dict[str, Any], **other: Any) -> Ours:
    values: dict[str, Any] = {"version": 1, "cancelled": False, "in_scope": True, "account": "1", **other}
    return Ours(appointment_id="o", fields=fields, **values)


def theirs(fields: dict[str, Any], **other: Any) -> Incoming:
    values: dict[str, Any] = {"version": 2, "cancelled": False, "changed_by": "dealer", **other}
    return Incoming(partner_id="A", fields=fields, **values)


@dataclass
class Sides:
    """Both sides after the actions were carried out on them."""

    link: Link | None
    ours: Ours | None
    theirs: Incoming | None

    def carry_out(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case CreateHere():
                    assert self.theirs is not None
                    self.ours = ours(dict(self.theirs.fields))
                case UpdateHere(fields):
                    assert self.ours is not None
                    self.ours = replace(self.ours, fields={**self.ours.fields, **fields})
                case CancelHere():
                    assert self.ours is not None
                    self.ours = replace(self.ours, cancelled=True)
                case Agree(base, version, closed, apart):
                    self.link = replace(link(dict(base), version, tombstone=closed), apart=apart)
                case CreateThere(fields):
                    self.theirs = theirs(dict(fields), version=1)
                    self.link = link(dict(fields), 1)
                case UpdateThere(fields):
                    self._write_there(fields=fields)
                case CancelThere():
                    self._write_there(cancelled=True)
                    assert self.link is not None
                    self.link = replace(self.link, tombstone=True)

    def _write_there(self, *, fields: Any = (), cancelled: bool = False) -> None:
        version = (self.link.version if self.link else 0) + 1
        held = {**(self.link.base if self.link else {}), **dict(fields)}
        apart = {name: value for name, value in (self.link.apart if self.link else {}).items() if name not in fields}
        self.theirs = theirs(held, version=version, cancelled=cancelled)
        self.link = replace(link(held, version), apart=apart)


def run(sides: Sides, incoming: Incoming | None) -> list[Action]:
    actions = list(plan(sides.link, sides.ours, incoming))
    sides.carry_out(actions)
    return actions


OURS = st.builds(
    lambda fields, cancelled, in_scope, owned: ours(fields, cancelled=cancelled, in_scope=in_scope, owned=owned),
    WHOLE, st.booleans(), st.booleans(), st.frozensets(st.sampled_from(NAMES), max_size=1),
)  # fmt: skip
THEIRS = st.builds(lambda fields, cancelled: theirs(fields, cancelled=cancelled), WHOLE, st.booleans())


@FEW
@given(base=WHOLE, here=OURS, there=THEIRS)
def test_both_sides_are_equal_afterwards_and_stay_so(base: dict[str, Any], here: Ours, there: Incoming) -> None:
    sides = Sides(link(base), here, there)
    run(sides, there)
    assert sides.ours is not None
    assert sides.theirs is not None
    gone_here = sides.ours.cancelled or not sides.ours.in_scope
    assert gone_here == sides.theirs.cancelled
    if not gone_here:
        assert dict(sides.ours.fields) == dict(sides.theirs.fields)
    assert run(sides, None) == [] or (sides.link is not None and sides.link.tombstone)
    assert run(sides, sides.theirs) == []


@FEW
@given(base=WHOLE, here=WHOLE, there=WHOLE)
def test_no_one_sided_change_is_lost_and_a_conflict_is_a_two_sided_one(
    base: dict[str, Any], here: dict[str, Any], there: dict[str, Any]
) -> None:
    sides = Sides(link(base), ours(here), theirs(there))
    actions = run(sides, theirs(there))
    assert sides.ours is not None
    conflicts = {action.field for action in actions if isinstance(action, Conflict)}
    for name in NAMES:
        was, mine, other = base[name], here[name], there[name]
        both = mine != was and other != was and mine != other
        assert (name in conflicts) == both
        expected = other if both or mine == was else mine
        assert sides.ours.fields[name] == expected


@FEW
@given(base=WHOLE, here=WHOLE, there=PART)
def test_what_wasnt_delivered_is_neither_compared_nor_blanked(
    base: dict[str, Any], here: dict[str, Any], there: dict[str, Any]
) -> None:
    sides = Sides(link(base), ours(here), theirs(there))
    actions = run(sides, theirs(there))
    assert sides.ours is not None
    assert sides.link is not None
    conflicts = {action.field for action in actions if isinstance(action, Conflict)}
    taken = {name for action in actions if isinstance(action, UpdateHere) for name in action.fields}
    given = {name for action in actions if isinstance(action, UpdateThere) for name in action.fields}
    for name in NAMES:
        if name not in there:
            assert name not in conflicts | taken
            assert (name in given) == (here[name] != base[name])
            assert sides.ours.fields[name] == here[name] == sides.link.base[name]


@FEW
@given(base=WHOLE, apart=PART, here=WHOLE, there=WHOLE)
def test_an_agreed_difference_stays_until_one_side_changes_its_value(
    base: dict[str, Any], apart: dict[str, Any], here: dict[str, Any], there: dict[str, Any]
) -> None:
    was_here = {**base, **apart}
    sides = Sides(replace(link(base), apart=apart), ours(here), theirs(there))
    actions = run(sides, theirs(there))
    assert sides.ours is not None
    assert sides.link is not None
    given = {name for action in actions if isinstance(action, UpdateThere) for name in action.fields}
    for name in NAMES:
        changed_here, changed_there = here[name] != was_here[name], there[name] != base[name]
        if not changed_here and not changed_there:
            assert sides.ours.fields[name] == here[name]
            assert name not in given
            assert sides.link.apart.get(name, here[name]) == here[name]
        elif not changed_there:
            assert (name in given) == (here[name] != there[name])
        else:
            assert sides.ours.fields[name] == there[name]
    assert run(sides, None) == []


@FEW
@given(base=WHOLE, here=WHOLE, there=WHOLE, versions=st.integers(1, 3))
def test_a_change_under_our_label_without_a_stored_call_is_merged_like_any_other(
    base: dict[str, Any], here: dict[str, Any], there: dict[str, Any], versions: int
) -> None:
    labelled = theirs(there, version=1 + versions, changed_by="dms")
    by_dealer = theirs(there, version=1 + versions)
    assert list(plan(link(base), ours(here), labelled)) == list(plan(link(base), ours(here), by_dealer))


@FEW
@given(here=OURS, there=THEIRS, link_at=st.none() | st.just(1))
def test_without_memory_nothing_live_is_cancelled_there(here: Ours, there: Incoming, link_at: int | None) -> None:
    there = replace(there, cancelled=False, our_id="o", changed_by="dms")
    assert not any(isinstance(action, CancelThere) for action in plan(None, here, there))


@FEW
@given(base=WHOLE, here=OURS, there=WHOLE, left=st.booleans())
def test_a_number_that_we_gave_up_and_forgot_cancels_nothing(
    base: dict[str, Any], here: Ours, there: dict[str, Any], left: bool
) -> None:
    gone = theirs(there, cancelled=True, changed_by="dms", left=left)
    actions = list(plan(link(base), here, gone, successor="B"))
    assert actions == [Agree({}, 2, closed=True)]


def test_leaving_the_department_that_we_forgot_is_asked_about() -> None:
    gone = theirs(LIVE, cancelled=True, changed_by="dms", left=True)
    assert list(plan(link(LIVE), ours(LIVE), gone)) == [Agree({}, 2, closed=True), Ask("left")]
    assert list(plan(None, ours(LIVE, in_scope=False), theirs(LIVE, our_id="o"))) == [Ask("elsewhere")]


@FEW
@given(base=WHOLE, here=OURS, there=THEIRS, version=st.integers(0, 2))
def test_an_older_version_changes_nothing_here(base: dict[str, Any], here: Ours, there: Incoming, version: int) -> None:
    late = list(plan(link(base, 2), here, replace(there, version=version)))
    assert late == list(plan(link(base, 2), here, None))
    assert not any(isinstance(action, CreateHere | UpdateHere | CancelHere | Agree) for action in late)


@FEW
@given(base=WHOLE, here=OURS, there=THEIRS)
def test_a_closed_pair_stays_closed(base: dict[str, Any], here: Ours, there: Incoming) -> None:
    assert list(plan(link(base, tombstone=True), here, replace(there, version=99))) == []


@FEW
@given(base=WHOLE, here=WHOLE, there=WHOLE)
def test_cancelled_stands(base: dict[str, Any], here: dict[str, Any], there: dict[str, Any]) -> None:
    changed = {name for name in NAMES if here[name] != base[name]}
    actions = list(plan(link(base), ours(here), theirs(there, cancelled=True)))
    assert CancelHere() in actions
    assert any(isinstance(action, Conflict) for action in actions) == bool(changed)
    actions = list(plan(link(base), ours(here, cancelled=True), theirs(there)))
    assert actions[-1] == CancelThere()
    assert any(isinstance(action, Conflict) for action in actions) == (there != base)


def test_a_later_version_under_our_label_isnt_the_stored_call_though_its_text_looks_shortened() -> None:
    """Another program wrote over what we had sent."""
    text = "neu, und noch mehr"
    intent = Intent(
        channel="c", account="1", appointment_id="o", key="k", operation="update", partner_id="A", expected_version=1,
        fields={"notes": text}, full={"notes": text},
    )  # fmt: skip
    item = theirs({"notes": "neu"}, version=3, changed_by="dms")
    actions = list(plan(link({"notes": "alt"}), ours({"notes": text}), item, intent))
    assert actions[:2] == [UpdateHere({"notes": "neu"}), Conflict("notes", "alt", text, "neu", "theirs")]
    shortened = replace(item, version=2)
    assert list(plan(link({"notes": "alt"}), ours({"notes": text}), shortened, intent)) == [
        Agree({"notes": "neu"}, 2, apart={"notes": text})
    ]


@FEW
@given(base=WHOLE, sent=WHOLE, here=WHOLE)
def test_a_call_whose_answer_was_lost_is_no_conflict_when_it_comes_back(
    base: dict[str, Any], sent: dict[str, Any], here: dict[str, Any]
) -> None:
    intent = Intent(
        channel="c", account="1", appointment_id="o", key="k", operation="update", partner_id="A", expected_version=1,
        fields={name: value for name, value in sent.items() if value != base[name]}, full=sent,
    )  # fmt: skip
    actions = list(plan(link(base), ours(here), theirs(sent, changed_by="dms"), intent))
    conflicts = [action for action in actions if isinstance(action, Conflict)]
    assert conflicts == []
    assert not any(isinstance(action, UpdateHere) for action in actions)


@FEW
@given(here=WHOLE, there=WHOLE)
def test_at_first_sight_a_blank_gives_way_and_two_values_are_a_conflict(
    here: dict[str, Any], there: dict[str, Any]
) -> None:
    sides = Sides(None, ours(here), theirs(there, our_id="o"))
    actions = run(sides, theirs(there, our_id="o"))
    assert sides.ours is not None
    conflicts = {action.field for action in actions if isinstance(action, Conflict)}
    for name in NAMES:
        assert sides.ours.fields[name] == (there[name] or here[name])
        assert (name in conflicts) == bool(here[name] and there[name] and here[name] != there[name])


LIVE = {"notes": "a"}


@pytest.mark.parametrize(
    ("case", "actions"),
    [
        ((None, ours(LIVE), None), [CreateThere(LIVE)]),
        ((None, ours(LIVE, cancelled=True), None), []),
        ((None, ours(LIVE, in_scope=False), None), []),
        ((None, None, theirs(LIVE)), [CreateHere(), Agree(LIVE, 2)]),
        ((None, None, theirs(LIVE, cancelled=True)), [PassBy(2)]),
        ((link(LIVE), ours(LIVE), None), []),
        ((link(LIVE), ours(LIVE, in_scope=False), None), [CancelThere(left=True)]),
        ((link(LIVE), ours(LIVE, account="2"), None), [CancelThere(left=True)]),
        ((link(LIVE), ours(LIVE, in_scope=False, upcoming=False), None), [LetGo()]),
        ((None, ours(LIVE, upcoming=False), None), []),
        ((link(LIVE), ours(LIVE, cancelled=True), None), [CancelThere()]),
        ((link(LIVE), ours({"notes": "b"}), None), [UpdateThere({"notes": "b"})]),
        ((link(LIVE), ours(LIVE, cancelled=True), theirs(LIVE, cancelled=True)), [Agree({}, 2, closed=True)]),
        (
            (link(LIVE), ours(LIVE, in_scope=False), theirs(LIVE, cancelled=True, changed_by="dms")),
            [Agree({}, 2, closed=True)],
        ),
        (
            (link(LIVE), ours(LIVE, in_scope=False), theirs(LIVE, cancelled=True)),
            [CancelHere(), Agree({}, 2, closed=True)],
        ),
    ],
    ids=[
        "made here", "cancelled before it was sent", "in another department", "booked there", "came and went there",
        "nothing new", "moved away", "under another number",
        "moved away when it was past", "past and never sent", "cancelled here", "changed here", "cancelled on both",
        "moved away and cancelled there by us", "moved away and cancelled there by the customer",
    ],
)  # fmt: skip
def test_case(case: tuple[Link | None, Ours | None, Incoming | None], actions: list[Action]) -> None:
    assert list(plan(*case)) == actions


def test_one_that_came_back_while_its_cancellation_was_on_its_way_is_made_anew() -> None:
    cancelling = Intent(
        channel="c", account="1", appointment_id="o", key="k", operation="cancel", fields={}, full={}, partner_id="A",
        expected_version=1,
    )  # fmt: skip
    gone = theirs(LIVE, cancelled=True, changed_by="dms")
    assert list(plan(link(LIVE), ours(LIVE), gone, cancelling)) == [Agree({}, 2, closed=True), CreateThere(LIVE)]


def test_a_field_that_only_we_may_change_goes_back() -> None:
    actions = list(plan(link(LIVE), ours(LIVE, owned=frozenset({"notes"})), theirs({"notes": "b"})))
    assert actions == [
        Conflict("notes", "a", "a", "b", "ours"),
        Agree({"notes": "b"}, 2),
        UpdateThere({"notes": "a"}),
    ]
