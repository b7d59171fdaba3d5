"""What can be played on Carloop's side of the sandbox, as data; `sandbox_play.py` does it."""

from __future__ import annotations

from wtpd.connectors.kit.sandbox_side import Act, Argument
from wtpd.texts import N_

_NUMBER = Argument(name="number", help=N_("Carloop's number of the rental, or our reference"), required=True)
_CAR = Argument(name="car", help=N_("id of the rental car"), required=True)

ACTS = (
    Act(
        name="station",
        help=N_("make a station known, or change it"),
        arguments=(
            Argument(name="id", help=N_("id of the station"), required=True),
            Argument(name="name", help=N_("name")),
            Argument(name="branch", help=N_("branch; nordlicht if nothing is said")),
            Argument(name="zone", help=N_("time zone")),
            Argument(name="hours", help=N_("opening hours, e.g. MO 07:30-18:00, SA 09:00-13:00; always: at any time")),
        ),
    ),
    Act(
        name="car",
        help=N_("make a rental car known, or change it"),
        arguments=(
            _CAR,
            Argument(name="plate", help=N_("plate")),
            Argument(name="class", help=N_("vehicle class: K, M or T")),
            Argument(name="features", help=N_("vehicle features with commas: AHK, AUT, NAV, WR")),
            Argument(name="station", help=N_("id of the station")),
            Argument(name="rate", help=N_("price per day, e.g. 39.90; none: no price")),
            Argument(name="gone", help=N_("take it out of the fleet"), kind="flag"),
        ),
    ),
    Act(
        name="reserve",
        help=N_("book a car for somebody else, in Carloop itself"),
        arguments=(
            _CAR,
            Argument(name="start", help=N_("begin"), kind="time", required=True),
            Argument(name="end", help=N_("end"), kind="time", required=True),
        ),
    ),
    Act(
        name="swap",
        help=N_("give a rental another car"),
        arguments=(_NUMBER, _CAR),
    ),
    Act(
        name="move",
        help=N_("change the period of a rental in Carloop itself"),
        arguments=(
            _NUMBER,
            Argument(name="start", help=N_("begin"), kind="time"),
            Argument(name="end", help=N_("end"), kind="time"),
        ),
    ),
    Act(
        name="cancel",
        help=N_("cancel a rental in Carloop itself"),
        arguments=(_NUMBER, Argument(name="reason", help=N_("reason of the cancellation"))),
    ),
    Act(name="hand-over", help=N_("hand the car over to the renter"), arguments=(_NUMBER,)),
    Act(name="take-back", help=N_("take the car back"), arguments=(_NUMBER,)),
    Act(name="no-show", help=N_("note that the renter didn't come"), arguments=(_NUMBER,)),
    Act(
        name="state",
        help=N_("give a rental a state that wtpd doesn't know"),
        arguments=(_NUMBER, Argument(name="to", help=N_("the state"), required=True)),
    ),
    Act(
        name="lock",
        help=N_("put a person on the do-not-rent list"),
        arguments=(
            Argument(name="who", help=N_("customer number, last name or company"), required=True),
            Argument(name="text", help=N_("what Carloop says about the person")),
            Argument(name="lift", help=N_("take the person off the list"), kind="flag"),
        ),
    ),
    Act(
        name="token",
        help=N_("make a token for a branch"),
        arguments=(
            Argument(name="token", help=N_("the token"), required=True),
            Argument(name="branch", help=N_("branch; nordlicht if nothing is said")),
            Argument(name="revoke", help=N_("take the token away"), kind="flag"),
        ),
    ),
    Act(
        name="rules",
        help=N_("set what the contract leaves to Carloop, and its moods"),
        arguments=(
            Argument(name="lead", help=N_("minutes from now to the earliest begin"), kind="int"),
            Argument(name="buffer", help=N_("minutes between two rentals of a car"), kind="int"),
            Argument(name="valid", help=N_("minutes that a search is good for"), kind="int"),
            Argument(name="page", help=N_("rentals on a page of changes"), kind="int"),
            Argument(name="per_second", help=N_("requests a second with one token; 0: any number"), kind="int"),
            Argument(name="required", help=N_("fields of the renter that must not be blank, with commas")),
            Argument(name="refuse_cursors", help=N_("refuse the cursors given so far"), kind="flag"),
            Argument(name="web", help=N_("answer with the web page, or lead to the login: page, login or none")),
        ),
    ),
)
