"""What dealer and customer can do on SUPERSERVICE's side of the sandbox, as data; `sandbox_play.py` does it."""

from __future__ import annotations

from wtpd.connectors.kit.sandbox_side import Act, Argument
from wtpd.texts import N_

BY = ("dealer", "customer_app", "dms")

_DEALER = Argument(name="dealer", help=N_("dealer number"), required=True)
_WHO = Argument(
    name="by", help=N_("who does it; dealer if nothing is said, dms is another program of the dealer"), choices=BY
)
_ID = Argument(name="id", help=N_("the partner's id of the appointment, or ours"), required=True)
_FIELDS = Argument(name="fields", help=N_("further fields as the contract names them (merge patch)"), kind="json")
_REASON = Argument(name="reason", help=N_("reason of the cancellation"))
_DETAILS = (
    Argument(name="drop_off", help=N_("drop-off; the next free slot if nothing is said"), kind="time"),
    Argument(name="collection", help=N_("collection; eight hours later if nothing is said"), kind="time"),
    Argument(name="first_name", help=N_("customer's first name")),
    Argument(name="last_name", help=N_("customer's last name")),
    Argument(name="email", help=N_("customer's e-mail address")),
    Argument(name="mobile", help=N_("customer's mobile number")),
    Argument(name="plate", help=N_("registration plate")),
    Argument(name="vin", help=N_("chassis number")),
    Argument(name="model", help=N_("model")),
    Argument(name="job", help=N_("title of the intervention")),
    Argument(name="labour_units", help=N_("planned AW of the intervention"), kind="float"),
    Argument(name="transport", help=N_("transport option, e.g. LOAN_CAR")),
    Argument(name="loan_car", help=N_("courtesy car, as published")),
    Argument(name="advisor", help=N_("advisor, as published")),
    Argument(name="notes", help=N_("notes")),
)

ACTS = (
    Act(
        name="book",
        help=N_("book an appointment, over the load limit too"),
        arguments=(
            _DEALER,
            _WHO,
            *_DETAILS,
            _FIELDS,
            Argument(name="count", help=N_("how many, each for another customer"), kind="int"),
            Argument(name="number", help=N_("a number that is used again, instead of a new one")),
        ),
    ),
    Act(name="change", help=N_("change fields of an appointment"), arguments=(_DEALER, _ID, _WHO, *_DETAILS, _FIELDS)),
    Act(
        name="move",
        help=N_("move an appointment; without a collection it keeps its length"),
        arguments=(
            _DEALER,
            _ID,
            _WHO,
            Argument(name="drop_off", help=N_("drop-off"), kind="time", required=True),
            Argument(name="collection", help=N_("collection"), kind="time"),
        ),
    ),
    Act(
        name="cancel",
        help=N_("cancel an appointment"),
        arguments=(
            _DEALER,
            _ID,
            _WHO,
            _REASON,
            Argument(name="left", help=N_("it left the connected department"), kind="flag"),
        ),
    ),
    Act(
        name="cancel-many",
        help=N_("cancel many appointments at once"),
        arguments=(
            _DEALER,
            _WHO,
            _REASON,
            Argument(name="count", help=N_("how many; all of them if nothing is said"), kind="int"),
        ),
    ),
    Act(
        name="reopen",
        help=N_("bring a cancelled appointment back to life, which the contract doesn't know"),
        arguments=(_DEALER, _ID),
    ),
    Act(
        name="unknown-code",
        help=N_("give an appointment a code that wtpd doesn't know"),
        arguments=(
            _DEALER,
            _ID,
            Argument(name="field", help=N_("which code"), choices=("transport", "status")),
            Argument(name="code", help=N_("the code; VALET or WAITING_FOR_PARTS if nothing is said")),
        ),
    ),
    Act(
        name="break",
        help=N_("put an item into the feed that breaks the contract"),
        arguments=(
            _DEALER,
            _ID,
            Argument(name="fields", help=N_("what is broken; the drop-off if nothing is said"), kind="json"),
        ),
    ),
    Act(
        name="odd",
        help=N_("give an appointment an odd value, and keep it"),
        arguments=(
            _DEALER,
            _ID,
            Argument(
                name="fields", help=N_("the odd values; a first registration in year 1 if nothing is said"), kind="json"
            ),
        ),
    ),
    Act(
        name="forbid",
        help=N_("let nobody touch an appointment (403)"),
        arguments=(_DEALER, _ID, Argument(name="lift", help=N_("let it be touched again"), kind="flag")),
    ),
    Act(
        name="rules",
        help=N_("set what the contract leaves to the partner, and its moods"),
        arguments=(
            Argument(name="signs", help=N_("refuse unpublished advisors and cars: on or off"), kind="bool"),
            Argument(name="past", help=N_("refuse appointments of the past: on or off"), kind="bool"),
            Argument(name="key_hours", help=N_("hours that an idempotency key is remembered"), kind="float"),
            Argument(name="cut", help=N_("characters at which texts are cut; 0: not at all"), kind="int"),
            Argument(name="tidy", help=N_("keep names and plates in capitals: on or off"), kind="bool"),
            Argument(name="refuse_cursors", help=N_("refuse the cursors given so far, by 400, 404 or 410"), kind="int"),
            Argument(name="endless", help=N_("a feed that never ends: on or off"), kind="bool"),
            Argument(name="more", help=N_("items that a page has beyond its limit"), kind="int"),
            Argument(name="bulk", help=N_("kilobytes by which each item of a page grows"), kind="int"),
            Argument(name="per_second", help=N_("requests a second beyond which it answers 429"), kind="int"),
        ),
    ),
    Act(
        name="dealer",
        help=N_("make a dealer known, or change its record"),
        arguments=(
            Argument(name="dealer", help=N_("dealer number"), required=True),
            Argument(name="name", help=N_("name of the dealer")),
            Argument(name="brand", help=N_("brand of the dealer")),
        ),
    ),
    Act(
        name="client",
        help=N_("make client credentials for one dealer or several"),
        arguments=(
            Argument(name="client_id", help=N_("Client ID"), required=True),
            Argument(name="client_secret", help=N_("Client secret"), required=True),
            Argument(name="dealers", help=N_("dealer numbers, separated by commas; * for all"), required=True),
            Argument(name="rights", help=N_("rights, separated by commas; all of them if nothing is said")),
        ),
    ),
)
