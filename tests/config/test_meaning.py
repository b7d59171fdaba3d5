"""What the settings mean: differences, plans, what is in force, the environment."""

from __future__ import annotations

from datetime import time
from pathlib import Path

import pytest

from tests.support.partners import MANIFESTS
from wtpd.config.diff import diff
from wtpd.config.environment import from_environment
from wtpd.config.load import Loaded, load
from wtpd.config.model import Config, seconds
from wtpd.config.plans import plans
from wtpd.config.show import in_force
from wtpd.errors import Invalid

TEXT = """\
modules: [online_booking]
connectors: {superservice: {interval: 5min}}
sites:
  - id: rostock
    name: Rostock
    status_mail: a@example.com
    brands: [NISSAN]
    region: MV
    departments:
      - id: Werkstatt
        capacity: {mon: 420, sat: 160.5}
        load_limit: 90
        drop_off: {mon: [{times: "13:00-16:30"}, {times: "07:30-12:00", places: 3}]}
    partners: {superservice: {dealer_number: "00123"}}
  - id: guestrow
    name: Güstrow
    status_mail: b@example.com
    brands: [NISSAN]
    partners: {superservice: {dealer_number: "00124"}}
"""


def read(text: str) -> Loaded:
    return load(text, manifests=MANIFESTS)


def config(old: str = "", new: str = "") -> Config:
    return read(TEXT.replace(old, new) if old else TEXT).config


def test_equal_settings_change_nothing() -> None:
    changes = diff(config(), read("# comment\n" + TEXT).config)
    assert not changes
    assert changes.channels == frozenset()


@pytest.mark.parametrize(
    ("old", "new", "channels"),
    [
        ('"00124"', '"00125"', {"superservice/guestrow"}),
        ("interval: 5min", "interval: 6min", {"superservice/rostock", "superservice/guestrow"}),
        ("a@example.com", "c@example.com", set()),
        ("load_limit: 90", "load_limit: 80", set()),
        ("[online_booking]", "[]", {"superservice/rostock", "superservice/guestrow"}),
        ("connectors:", "credentials: {superservice: {scope: office}}\nconnectors:",
         {"superservice/rostock", "superservice/guestrow"}),
    ],
)  # fmt: skip
def test_only_the_loops_whose_settings_changed_are_named(old: str, new: str, channels: set[str]) -> None:
    changes = diff(config(), config(old, new))
    assert changes
    assert changes.channels == channels


def test_sites_come_and_go_and_plans_change() -> None:
    without = read(TEXT[: TEXT.index("  - id: guestrow")]).config
    changes = diff(config(), without)
    assert (changes.removed_sites, changes.added_sites) == ({"guestrow"}, frozenset())
    assert changes.channels == {"superservice/guestrow"}
    assert diff(without, config()).added_sites == {"guestrow"}
    assert diff(config(), config("load_limit: 90", "load_limit: 80")).plans
    assert not diff(config(), config("a@example.com", "c@example.com")).plans


def test_plans_by_site_and_department() -> None:
    plan = plans(config())["rostock", "Werkstatt"]
    assert plan.capacity == {1: 420, 6: 160.5}
    assert (plan.load_limit, plan.region, plan.zone) == (90, "MV", "Europe/Berlin")
    assert [(window.start, window.end, window.places) for window in plan.drop_off[1]] == [
        (time(7, 30), time(12), 3),
        (time(13), time(16, 30), 1),
    ]
    assert plans(config())["guestrow", "Werkstatt"].capacity == {}


def test_what_is_in_force_says_where_it_comes_from() -> None:
    shown = {setting.path: (setting.value, setting.origin()) for setting in in_force(read(TEXT))}
    assert shown["connectors.superservice.interval"] == ("5min", "wtpd.yaml:2")
    assert shown["mail.port"] == (587, "default")
    assert shown["sites.rostock.partners.superservice.dealer_number"] == ("00123", "wtpd.yaml:14")
    assert shown["sites.rostock.departments.Werkstatt.drop_off.mon.1.places"] == (3, "wtpd.yaml:13")
    assert shown["sites.guestrow.departments.Werkstatt.id"] == ("Werkstatt", "default")


def test_the_environment_gives_paths_and_the_log_level_only() -> None:
    found = from_environment(
        {"WTPD_CONFIG": "/x/wtpd.yaml", "WTPD_DATA_DIR": "/d", "WTPD_LOG_LEVEL": "DEBUG", "WTPD_SOCKET": ""}
    )
    assert (found.config, found.data_dir, found.socket, found.log_level) == (
        Path("/x/wtpd.yaml"),
        Path("/d"),
        None,
        "debug",
    )
    assert from_environment({}).config == Path("/etc/wtpd/wtpd.yaml")
    with pytest.raises(Invalid, match="WTPD_LOG_LEVEL loud is unknown"):
        from_environment({"WTPD_LOG_LEVEL": "loud"})


def test_durations() -> None:
    assert [seconds(text) for text in ("250ms", "30s", "5min", "2h", "1d")] == [0.25, 30, 300, 7200, 86400]
