"""The history shows what differs, as JSON; a patch changes what it names."""

from datetime import UTC, date, datetime

import pytest

from wtpd.errors import Invalid
from wtpd.planner.appointment import Appointment, Intervention, Status
from wtpd.planner.changes import diff, json_value, merged, typed
from wtpd.planner.customer import Customer, Permission
from wtpd.planner.history import Change
from wtpd.planner.vehicle import Vehicle

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
VISIT = Appointment(id="a", site="rostock", department="Werkstatt", drop_off=NOON, collection=NOON.replace(hour=15))


def test_only_what_differs_is_a_change() -> None:
    later = merged(
        VISIT,
        {"collection": NOON.replace(hour=16), "status": Status.ARRIVED, "interventions": (Intervention(title="HU"),)},
    )
    assert diff(VISIT, later) == {
        "collection": Change("2026-11-23T15:00:00Z", "2026-11-23T16:00:00Z"),
        "status": Change("scheduled", "arrived"),
        "interventions": Change(
            [],
            [{"code": "", "title": "HU", "description": "", "labour_units": 0, "price_cents": None, "elements": []}],
        ),
    }
    assert diff(VISIT, merged(VISIT, {"notes": ""})) == {}


def test_a_new_record_lists_what_it_holds() -> None:
    assert diff(None, Vehicle(id="v", plate="B-MW 1", inspection_due=date(2028, 1, 31), version=1)) == {
        "plate": Change(None, "B-MW 1"),
        "inspection_due": Change(None, "2028-01-31"),
    }
    assert diff(None, VISIT) == {
        "site": Change(None, "rostock"),
        "department": Change(None, "Werkstatt"),
        "drop_off": Change(None, "2026-11-23T12:00:00Z"),
        "collection": Change(None, "2026-11-23T15:00:00Z"),
    }


def test_times_that_are_the_same_moment_are_no_change() -> None:
    assert diff(VISIT, merged(VISIT, {"drop_off": NOON.replace(microsecond=5)})) == {}


def test_mappings_are_merged_key_by_key() -> None:
    linked = merged(VISIT, {"references": {"superservice": "A-17", "import": "T1"}})
    assert merged(linked, {"references": {"import": None, "carsys": "9"}}).references == {
        "superservice": "A-17",
        "carsys": "9",
    }


def test_a_field_that_does_not_exist_is_refused_by_name() -> None:
    for changes in ({"colour": "red"}, {"id": "b"}, {"version": 9}):
        with pytest.raises(Invalid) as caught:
            merged(VISIT, changes)
        assert [problem.field for problem in caught.value.problems] == list(changes)
        with pytest.raises(Invalid):
            typed(Appointment, changes)


def test_a_json_patch_becomes_typed_values() -> None:
    values = typed(
        Appointment,
        {
            "drop_off": "2026-11-23T13:00:00+01:00",
            "status": "ready",
            "interventions": [{"title": "HU", "labour_units": 12}],
            "courtesy_car": None,
            "notes": None,
            "references": {"carsys": "9", "import": None},
        },
    )
    assert values["drop_off"] == NOON
    assert values["status"] is Status.READY
    assert values["interventions"] == (Intervention(title="HU", labour_units=12),)
    assert (values["courtesy_car"], values["notes"]) == (None, "")
    assert merged(merged(VISIT, {"references": {"import": "T1"}}), values).references == {"carsys": "9"}


def test_every_wrong_field_is_named() -> None:
    with pytest.raises(Invalid) as caught:
        typed(
            Appointment, {"drop_off": "yesterday", "status": "lost", "notes": 5, "department": None, "advisor": "SB1"}
        )
    assert [problem.field for problem in caught.value.problems] == ["drop_off", "status", "notes", "department"]


def test_permissions_are_json_in_the_history() -> None:
    before = Customer(id="c")
    after = merged(before, {"permissions": {"sms": Permission(allowed=True, since=date(2026, 1, 2), source="desk")}})
    assert diff(before, after)["permissions"].new == {"sms": {"allowed": True, "since": "2026-01-02", "source": "desk"}}
    with pytest.raises(TypeError):
        json_value(object())
