"""What can be played on RDW's side of the sandbox, as data; `sandbox.py` does it."""

from __future__ import annotations

from wtpd.connectors.kit.sandbox_side import Act, Argument
from wtpd.texts import N_

ACTS = (
    Act(
        name="vehicle",
        help=N_("register a vehicle, or change it"),
        arguments=(
            Argument(name="plate", help=N_("plate"), required=True),
            Argument(name="make", help=N_("make")),
            Argument(name="model", help=N_("model")),
            Argument(name="fuel", help=N_("fuel; with a comma two, as of a hybrid")),
            Argument(name="apk", help=N_("APK until, YYYYMMDD")),
            Argument(name="registered", help=N_("first registration, YYYYMMDD")),
            Argument(name="odometer", help=N_("verdict on the odometer: Logisch, Onlogisch, Geen oordeel")),
            Argument(name="recall", help=N_("an open recall"), kind="flag"),
            Argument(name="exported", help=N_("registered as exported"), kind="flag"),
            Argument(name="uninsured", help=N_("without insurance"), kind="flag"),
            Argument(name="without", help=N_("fields of the row that are missing, with commas")),
        ),
    ),
    Act(
        name="forget", help=N_("take a plate out"), arguments=(Argument(name="plate", help=N_("plate"), required=True),)
    ),
    Act(
        name="outage",
        help=N_("answer 200 without rows: for all plates, or those of one form; none ends it"),
        arguments=(
            Argument(name="plates", help=N_("which plates"), required=True, choices=("all", "sidecode", "none")),
            Argument(name="sidecode", help=N_("form of the plates, e.g. X-999-XX")),
        ),
    ),
    Act(
        name="rename",
        help=N_("give a field of the rows another name; the old name alone undoes it"),
        arguments=(
            Argument(name="field", help=N_("field"), required=True),
            Argument(name="to", help=N_("new name")),
        ),
    ),
    Act(
        name="limit",
        help=N_("requests per minute without an app token; 0: any number"),
        arguments=(Argument(name="per_minute", help=N_("requests"), required=True, kind="int"),),
    ),
)
