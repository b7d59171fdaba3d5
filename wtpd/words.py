"""How the signs of the code and the API read for people: fields, statuses, origins (spec: vocabulary.md)."""

from __future__ import annotations

from collections.abc import Mapping

from wtpd.texts import N_, N_n, Text

SCREENS: Mapping[str, Text] = {
    "overview": N_("Overview"),
    "reception": N_("Reception"),
    "mapping": N_("Mapping"),
    "credentials": N_("Credentials"),
    "attention": N_("Attention"),
    "customers": N_("Customers"),
    "log": N_("Log"),
    "trace": N_("Trace"),
}
"""The screens of `wtpd tui`, in the order of their F-keys from F1 on."""

STATUS: Mapping[str, Text] = {
    "scheduled": N_("scheduled"),
    "arrived": N_("arrived"),
    "in_work": N_("in work"),
    "ready": N_("ready"),
    "completed": N_("completed"),
    "cancelled": N_("cancelled"),
    "no_show": N_("no-show"),
}
TRANSPORT: Mapping[str, Text] = {
    "none": N_("none"),
    "waiting": N_("waiting"),
    "courtesy_car": N_("courtesy car"),
    "rental_car": N_("rental car"),
    "collection_delivery": N_("collection and delivery"),
    "shuttle": N_("shuttle"),
}
ORIGINS: Mapping[str, Text] = {
    "planner": N_("planner"),
    "superservice_dealer": N_("dealer at SUPERSERVICE"),
    "mynissan": N_("MyNISSAN app"),
}

FIELDS: Mapping[str, Text] = {
    "site": N_("site"),
    "department": N_("department"),
    "drop_off": N_("drop-off"),
    "collection": N_("collection"),
    "status": N_("status"),
    "customer_id": N_("customer"),
    "vehicle_id": N_("vehicle"),
    "advisor": N_("advisor"),
    "interventions": N_("interventions"),
    "transport_option": N_("transport option"),
    "courtesy_car": N_("courtesy car"),
    "customer_waiting": N_("customer waits"),
    "notes": N_("notes"),
    "origin": N_("origin"),
    "references": N_("references"),
    "links": N_("links"),
    "dms_number": N_("DMS number"),
    "work_order": N_("work order"),
    "planned_in": N_("planned in"),
    "planned_out": N_("planned out"),
    "car_in": N_("car in"),
    "car_out": N_("car out"),
    "quote_made": N_("quote made"),
    "billed": N_("billed"),
    "dms_notes": N_("notes of the DMS"),
    "dms_created_at": N_("made in the DMS"),
    "internal_order": N_("internal order"),
    "over_limit": N_("over the load limit"),
    "cancellation_reason": N_("reason of the cancellation"),
    "cancelled": N_("cancellation"),
}
"""Of an appointment; `cancelled` is its being cancelled, in a conflict."""
CUSTOMER: Mapping[str, Text] = {
    "number": N_("customer number"),
    "company": N_("company"),
    "salutation": N_("salutation"),
    "title": N_("title"),
    "first_name": N_("first name"),
    "last_name": N_("last name"),
    "street": N_("street"),
    "house_number": N_("house number"),
    "postcode": N_("postcode"),
    "city": N_("city"),
    "country": N_("country"),
    "email": N_("e-mail"),
    "phone": N_("telephone"),
    "mobile": N_("mobile"),
    "business_email": N_("business e-mail"),
    "business_phone": N_("business telephone"),
    "business_mobile": N_("business mobile"),
    "lease_company": N_("lease company"),
    "permissions": N_("permissions"),
}
VEHICLE: Mapping[str, Text] = {
    "plate": N_("plate"),
    "vin": N_("VIN"),
    "make": N_("make"),
    "model": N_("model"),
    "fuel": N_("fuel"),
    "engine_number": N_("engine number"),
    "notes": N_("notes"),
    "first_registration": N_("first registration"),
    "inspection_due": N_("inspection due"),
    "warranty_start": N_("warranty from"),
    "warranty_end": N_("warranty until"),
    "odometer_km": N_("odometer (km)"),
    "odometer_date": N_("odometer read on"),
    "odometer_source": N_("odometer read by"),
    "driver": N_("driver"),
    "owner": N_("owner"),
    "contractor": N_("contractor"),
}

ELEMENTS: Mapping[str, Text] = {
    "labour": N_("labour"),
    "part": N_("part"),
    "menu": N_("menu"),
    "note": N_("note"),
}
"""What an intervention consists of in the DMS."""
PARTNER_RECORDS: Mapping[str, Text] = {
    "order": N_("order at the partner"),
    "customer": N_("customer at the partner"),
    "vehicle": N_("vehicle at the partner"),
}
"""What a partner has a number of its own for."""
PERMISSIONS: Mapping[str, Text] = {
    "email": N_("by e-mail"),
    "phone": N_("by telephone"),
    "sms": N_("by SMS"),
    "post": N_("by post"),
    "sinno_app": N_("in the SiNNO app"),
}
"""How a customer may be written to or called."""
CHANNEL_STATES: Mapping[str, Text] = {
    "healthy": N_("healthy"),
    "retrying": N_("retrying"),
    "needs_token": N_("needs token"),
    "not_covered": N_("wrong number"),
    "limited": N_("limited"),
    "paused": N_("paused"),
    "stopped": N_("stopped"),
    "disabled": N_("switched off"),
    "not_licensed": N_("not licensed"),
    "not_available": N_("not available here"),
    "not_mapped": N_("not set up here"),
    "config_error": N_("configuration error"),
    "starting": N_("starting"),
}


def consequence(cancels: int, unlinks: int, sends: int) -> list[Text]:
    """Sentences about a change of the mapping: appointments to come that are cancelled at the partner, past ones that
    are let go, appointments that are sent."""
    found: list[Text] = []
    if cancels:
        found.append(
            N_n(
                "1 appointment to come is cancelled at the partner, and its customer is told.",
                "{count} appointments to come are cancelled at the partner, and their customers are told.",
                count=cancels,
            )
        )
    if unlinks:
        found.append(
            N_n(
                "1 past one stays there as it is.",
                "{count} past ones stay there as they are.",
                count=unlinks,
            )
        )
    if sends:
        found.append(N_n("1 appointment is sent.", "{count} appointments are sent.", count=sends))
    return found or [N_("Nothing is cancelled or sent at the partner.")]


ABILITIES: Mapping[str, Text] = {
    "receive": N_("the partner's bookings and changes aren't taken over"),
    "send": N_("our appointments aren't sent"),
    "publish": N_("what can be booked isn't published"),
}
"""What pauses without a right at the partner, by the ability that needs it."""
ATTENTION: Mapping[str, Text] = {
    "conflict": N_("Conflict"),
    "quarantine": N_("Quarantine"),
    "unmatched": N_("Perhaps the same customer"),
    "car_open": N_("Courtesy car left open"),
    "over_limit": N_("Over the load limit"),
    "unknown_code": N_("Unknown code"),
    "rejected": N_("Refused by the partner"),
    "mass_cancellation": N_("Many cancellations at once"),
    "locked_customer": N_("Customer belongs to the DMS"),
    "second_writer": N_("Another program writes"),
    "partner_restored": N_("Partner was restored"),
    "database_restored": N_("Database was restored"),
    "keeps_refusing": N_("Can't be sent for now"),
    "shortened": N_("Text shortened by the partner"),
    "dropped_value": N_("Value left out"),
    "possible_double": N_("Possibly the same visit"),
    "named_in_note": N_("Erased person in a note"),
    "plate_moved": N_("Plate is on another car"),
    "wrong_plate": N_("Wrong plate?"),
    "rental_mismatch": N_("Rental doesn't fit"),
    "rental_missing": N_("Customer without a rental car"),
    "rental_double": N_("Customer with two rental cars"),
    "rental_refused": N_("Rental refused"),
}
"""What somebody must decide or look at, by its kind."""
ATTENTION_FACTS: Mapping[str, Text] = {
    "field": N_("field"),
    "base": N_("agreed before"),
    "ours": N_("ours"),
    "theirs": N_("the partner's"),
    "reason": N_("reason"),
    "code": N_("code"),
    "partner_id": N_("number at the partner"),
    "inbox": N_("message"),
    "courtesy_car": N_("courtesy car"),
    "day": N_("day"),
    "booked": N_("AW booked"),
    "limit": N_("AW allowed"),
    "asked": N_("AW asked for"),
    "from": N_("beginning"),
    "until": N_("end"),
    "cancelled": N_("cancellations"),
    "linked": N_("linked appointments"),
    "dealer_number": N_("dealer number"),
    "missing": N_("missing at the partner"),
    "older": N_("older at the partner"),
    "other": N_("the other appointment"),
    "value": N_("value"),
    "plate": N_("plate"),
    "number": N_("number"),
    "old_vin": N_("VIN without the plate"),
    "new_vin": N_("VIN with the plate"),
}
"""The facts of an entry that needs attention."""

IMPORT_PHASES: Mapping[str, Text] = {
    "reading": N_("reading the lists"),
    "checking": N_("checking"),
    "writing": N_("writing"),
    "telling": N_("telling the partners"),
}

RESOLUTIONS: Mapping[str, Text] = {
    "ours": N_("ours was put back"),
    "theirs": N_("the partner's stays"),
    "done": N_("closed"),
    "retried": N_("sent again"),
    "applied": N_("applied"),
    "discarded": N_("discarded"),
    "superseded": N_("a newer message came"),
    "sent": N_("sent meanwhile"),
    "resumed": N_("resumed"),
    "another mapping": N_("mapped otherwise"),
    "both": N_("both texts were kept"),
    "own": N_("another value was set"),
    "changed": N_("changed afterwards"),
    "erased": N_("the customer was erased"),
    "gone": N_("not there any more"),
}
"""How an entry that needed attention was settled."""
CREDENTIAL_RESULTS: Mapping[str, Text] = {
    "ok": N_("ok"),
    "refused": N_("refused"),
    "revealed": N_("handed out"),
    "unreachable": N_("not reachable"),
    "not possible": N_("can't be tested"),
    "used": N_("in use"),
}
"""What came of the last use or test of credentials."""
CREDENTIAL_ACTIONS: Mapping[str, Text] = {
    "set": N_("entered"),
    "first use": N_("used for the first time"),
    "test": N_("tested"),
    "reveal": N_("handed out"),
    "remove": N_("removed"),
    "rotate": N_("key changed"),
    "start over": N_("started over"),
}
"""What was done with an entry of the credentials."""


RENTALS: Mapping[str, Text] = {
    "asking": N_("being asked"),
    "reserved": N_("reserved"),
    "out": N_("handed over"),
    "returned": N_("returned"),
    "cancelled": N_("cancelled"),
    "no_show": N_("not picked up"),
    "refused": N_("refused"),
    "withdrawn": N_("taken back"),
}
"""The states of a rental; a partner may have others, which are shown as they are."""
RENTAL_MISMATCHES: Mapping[str, Text] = {
    "appointment_cancelled": N_("The appointment is cancelled, the rental isn't: cancel it, or keep it."),
    "cancelled_there": N_(
        "The partner has cancelled the rental: book another car, or change how the customer gets on."
    ),
    "starts_late": N_("The rental begins after the drop-off: cancel and book again."),
    "ends_early": N_("The rental ends before the collection: change its end, or cancel and book again."),
}
RENTAL_ACTIONS: Mapping[str, Text] = {
    "created": N_("asked for"),
    "booked": N_("booked"),
    "extended": N_("end changed"),
    "cancelled": N_("cancelled"),
    "changed": N_("changed"),
    "refused": N_("refused"),
    "withdrawn": N_("taken back"),
}
RENTAL_FIELDS: Mapping[str, Text] = {
    "state": N_("state"),
    "start": N_("start"),
    "end": N_("end"),
    "plate": N_("plate"),
    "station": N_("station"),
    "price": N_("price"),
}


def field_name(path: str) -> Text | str:
    """`drop_off`, `customer.email`, `interventions.0.title` as people call it; an unknown one as it is."""
    record, _, rest = path.partition(".")
    if record == "customer" and rest in CUSTOMER:
        return N_("{field} of the customer", field=CUSTOMER[rest])
    if record == "vehicle" and rest in VEHICLE:
        return N_("{field} of the vehicle", field=VEHICLE[rest])
    return FIELDS.get(record, path)


def partner_number(record: Mapping[str, str]) -> str:
    """A partner record as people read it: `incadea NORD 4711`."""
    return " ".join(part for part in (record["connector"], record["company"], record["partner_id"]) if part)
