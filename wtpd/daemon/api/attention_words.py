"""What an entry of the attention list says: in a sentence, and what follows from each choice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from wtpd.daemon.api.showing import BLANK
from wtpd.store import attention
from wtpd.store.attention import Attention
from wtpd.sync.plan import CANCELLED
from wtpd.sync.ports import FIELDS
from wtpd.texts import N_, Text, said
from wtpd.words import field_name

Show = Callable[[str, Any], str]
"""A value of a field as the reader reads it."""

_LONGEST = 60
"""Characters of a value that a sentence quotes."""
_TIMES = ("drop_off", "collection")

_CHOICES: Mapping[str, list[str]] = {
    "conflict": ["ours", "theirs"],
    "quarantine": ["retry", "discard"],
    "rejected": ["retry", "discard"],
    "mass_cancellation": [],
    "partner_restored": [],
}
"""What can be done with an entry; all other kinds are just `done`."""


def choices(entry: Attention) -> list[str]:
    if entry.resolved_at:
        return []
    if entry.kind == "conflict" and entry.data.get("field") == CANCELLED:
        return ["ours", "done"] if entry.data.get("theirs") is False else ["done"]
    if entry.kind == "conflict" and FIELDS.get(str(entry.data.get("field"))) == "text":
        return ["ours", "theirs", *(["both"] if entry.data.get("ours") and entry.data.get("theirs") else []), "own"]
    if entry.kind == "partner_restored" and not entry.data.get("stopped"):
        return ["done"]
    return _CHOICES.get(entry.kind, ["done"])


def facts(entry: Attention, language: str) -> dict[str, Any]:
    """Its data, with the texts in it rendered."""
    return {
        name: attention.text(value).render(language) if isinstance(value, Mapping) and "msgid" in value else value
        for name, value in entry.data.items()
    }


def sentence(entry: Attention, language: str) -> str:
    words = _SENTENCES.get(entry.kind)
    if entry.kind == "conflict" and entry.resolved_at and entry.data.get("field") != CANCELLED:
        words = _settled_conflict
    return said(words(facts(entry, language)), language) if words else entry.kind


def consequences(entry: Attention, partner: str, show: Show) -> Mapping[str, Text]:
    """For each choice what it does. `partner`: its name."""
    if entry.kind == "conflict":
        found = _of_conflict(entry.data, partner, show)
    elif entry.kind == "quarantine":
        found = {
            "retry": N_("Takes over what the message of {partner} says, or says what is still wrong.", partner=partner),
            "discard": N_("What the message says isn't taken over; {partner} isn't told.", partner=partner),
        }
    elif entry.kind == "rejected":
        found = {
            "retry": N_("Sends the appointment to {partner} again.", partner=partner),
            "discard": N_("It isn't sent to {partner} until somebody changes it again.", partner=partner),
        }
    else:
        done = _DONE.get(entry.kind)
        found = {"done": done(partner) if done else N_("Closes this entry; nothing is changed.")}
    return {choice: found[choice] for choice in choices(entry) if choice in found}


def _of_conflict(data: Mapping[str, Any], partner: str, show: Show) -> dict[str, Text]:
    field = str(data.get("field", ""))
    if field == CANCELLED:
        return _of_cancelled(data, partner)
    ours, theirs = (_brief(show(field, data.get(side))) for side in ("ours", "theirs"))
    name = field_name(field)
    if ours == BLANK:
        back = N_("Empties it again ({field}) and sends that to {partner}.", field=name, partner=partner)
    elif field in _TIMES:
        back = N_(
            "Puts {value} back and sends it to {partner}; its customer is told a new time.", value=ours, partner=partner
        )
    else:
        back = N_("Puts {value} back and sends it to {partner}.", value=ours, partner=partner)
    stays = (
        N_("It stays empty ({field}), as {partner} has it.", field=name, partner=partner)
        if theirs == BLANK
        else N_("{value} stays, as {partner} has it.", value=theirs, partner=partner)
    )
    return {
        "ours": back,
        "theirs": stays,
        "both": N_("Puts ours behind the text of {partner}, and sends both there.", partner=partner),
        "own": N_("Puts a text of your own in place of both, and sends it to {partner}.", partner=partner),
    }


def _of_cancelled(data: Mapping[str, Any], partner: str) -> dict[str, Text]:
    if data.get("theirs") is False:
        return {
            "ours": N_("Cancels it at {partner} again, which tells its customer.", partner=partner),
            "done": N_(
                "Closes this entry: it stays cancelled here and booked at {partner}, and its customer may come.",
                partner=partner,
            ),
        }
    if data.get("theirs") is True:
        return {"done": N_("Closes this entry: it stays cancelled, and what was changed here isn't sent.")}
    return {
        "done": N_(
            "Closes this entry: it stays cancelled here and at {partner}, and what was changed there isn't taken over.",
            partner=partner,
        )
    }


_DONE: Mapping[str, Callable[[str], Text]] = {
    "unmatched": lambda partner: N_("Closes this entry; both records stay as they are."),
    "car_open": lambda partner: N_("Closes this entry; no courtesy car is reserved by it."),
    "over_limit": lambda partner: N_("Closes this entry; the booking stays."),
    "unknown_code": lambda partner: N_("Closes this entry; the field stays as it is here."),
    "locked_customer": lambda partner: N_("Closes this entry; {partner} gets our data.", partner=partner),
    "second_writer": lambda partner: N_("Closes this entry; it is listed again if the other program goes on."),
    "database_restored": lambda partner: N_("Closes this entry; nothing is changed."),
    "partner_restored": lambda partner: N_("Closes this entry; ours are sent to {partner} again.", partner=partner),
    "keeps_refusing": lambda partner: N_("Closes this entry; wtpd keeps trying."),
    "shortened": lambda partner: N_(
        "Closes this entry; ours stays here, and {partner} keeps its own.", partner=partner
    ),
    "dropped_value": lambda partner: N_("Closes this entry; the field stays as it is here."),
    "possible_double": lambda partner: N_("Closes this entry; both appointments stay."),
    "plate_moved": lambda partner: N_("Closes this entry; the plate stays with the new car."),
    "wrong_plate": lambda partner: N_("Closes this entry; the plate stays as it is."),
    "rental_missing": lambda partner: N_("Closes this entry; the customer stays without a rental car."),
    "rental_double": lambda partner: N_("Closes this entry; both rentals stay."),
    "rental_mismatch": lambda partner: N_("Closes this entry; it is listed again while they don't fit."),
    "rental_refused": lambda partner: N_("Closes this entry; nothing is booked by it."),
    "named_in_note": lambda partner: N_("Closes this entry; the notes stay as they are."),
}


def _brief(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def _conflict(data: Mapping[str, Any]) -> Text:
    if data.get("field") != CANCELLED:
        return N_("Both sides changed {field}; the partner's value stands.", field=field_name(data.get("field", "")))
    if data.get("theirs") is False:
        return N_("It is cancelled here, but the partner has it again. Book it anew, or have it cancelled there.")
    return N_("One side cancelled it, the other one changed it meanwhile; it stays cancelled.")


def _settled_conflict(data: Mapping[str, Any]) -> Text:
    """Whose value stands is told beside it: that may have changed since."""
    return N_("Both sides had changed {field}.", field=field_name(data.get("field", "")))


def _mass_cancellation(data: Mapping[str, Any]) -> Text:
    if not data.get("mapping"):
        return N_("The partner cancels many appointments at once; the channel is stopped.")
    return N_(
        "The department or dealer number was changed: that would cancel {count} appointments at the partner.",
        count=data.get("cancelled", ""),
    )


_OPEN_CARS: Mapping[str, Text] = {
    "taken": N_("The courtesy car that was asked for is lent; none is reserved."),
    "out_of_service": N_("The courtesy car is out of service at that time; another one is needed."),
    "unknown": N_("The courtesy car that was asked for isn't one of this site; none is reserved."),
}

_QUESTIONS: Mapping[str, Text] = {
    "left": N_("At the partner it has left this department, and here it stands in it. Move it, or cancel it."),
    "elsewhere": N_("The partner has it, and here it stands in a department that isn't connected. Move it back?"),
}


def _database_restored(data: Mapping[str, Any]) -> Text:
    """Either the report of the first run after the restore, or a question about one appointment."""
    if (question := str(data.get("question", ""))) in _QUESTIONS:
        return _QUESTIONS[question]
    return N_(
        "The database was restored. The first run after it took {applied} changes from the partner, sent {sent}, "
        "and found {conflicts} conflicts.",
        applied=data.get("applied", 0), sent=data.get("sent", 0), conflicts=data.get("conflicts", 0),
    )  # fmt: skip


_MISMATCHES: Mapping[str, Callable[[Mapping[str, Any]], Text]] = {
    "appointment_cancelled": lambda d: N_(
        "The appointment is cancelled, and its rental car {plate} is still booked.", plate=d.get("plate", "")
    ),
    "cancelled_there": lambda d: N_(
        "The partner has cancelled the rental of {plate}; the appointment stands.", plate=d.get("plate", "")
    ),
    "starts_late": lambda d: N_(
        "The rental of {plate} begins after the appointment's drop-off.", plate=d.get("plate", "")
    ),
    "ends_early": lambda d: N_(
        "The rental of {plate} ends before the appointment's collection.", plate=d.get("plate", "")
    ),
}


_SENTENCES: Mapping[str, Callable[[Mapping[str, Any]], Text]] = {
    "conflict": _conflict,
    "quarantine": lambda d: N_("A message couldn't be applied: {reason}", reason=d.get("reason", "")),
    "rejected": lambda d: N_("The partner refuses this appointment: {reason}", reason=d.get("reason", "")),
    "unmatched": lambda d: N_("This customer or vehicle may be one that is there already."),
    "car_open": lambda d: _OPEN_CARS.get(str(d.get("reason")), _OPEN_CARS["taken"]),
    "over_limit": lambda d: N_("This booking goes beyond the load limit of its day."),
    "unknown_code": lambda d: N_("The partner sent a code that wtpd doesn't know."),
    "mass_cancellation": _mass_cancellation,
    "locked_customer": lambda d: N_("The partner changed a customer that belongs to the DMS; ours stands."),
    "second_writer": lambda d: N_(
        "Another program writes for dealer number {number}: it changes appointments back that wtpd has changed.",
        number=d.get("dealer_number", ""),
    ),
    "partner_restored": lambda d: N_(
        "The partner was restored or emptied: {missing} appointments are missing there, {older} are older than here.",
        missing=d.get("missing", ""),
        older=d.get("older", ""),
    ),
    "database_restored": _database_restored,
    "keeps_refusing": lambda d: N_("This appointment can't be sent for now: {reason}", reason=d.get("reason", "")),
    "shortened": lambda d: N_(
        "The partner keeps {field} in another form than we sent it; ours stays here.",
        field=field_name(str(d.get("field", ""))),
    ),
    "dropped_value": lambda d: N_(
        "The partner's value for {field} can't be one and was left out; the booking was taken.",
        field=field_name(str(d.get("field", ""))),
    ),
    "rental_missing": lambda d: N_(
        "The customer has no rental car: the old rental of {plate} was cancelled, and neither the new one nor the old "
        "one could be booked.",
        plate=d.get("plate", ""),
    ),
    "rental_double": lambda d: N_(
        "The customer has two rental cars: rental {number} ({plate}) couldn't be cancelled.",
        number=d.get("number", ""),
        plate=d.get("plate", ""),
    ),
    "rental_mismatch": lambda d: _MISMATCHES.get(str(d.get("mismatch")), _MISMATCHES["ends_early"])(d),
    "rental_refused": lambda d: N_(
        "What was asked for the rental car {plate} is refused: {reason}",
        plate=d.get("plate", ""),
        reason=d.get("reason", ""),
    ),
    "possible_double": lambda d: N_("These two appointments may be the same visit."),
    "named_in_note": lambda d: N_("The notes of this appointment may name a person who was erased."),
    "wrong_plate": lambda d: N_(
        "The plate {plate} belongs to a {theirs} {model} by the register, in the book it is a {ours}.",
        plate=d.get("plate", ""),
        theirs=d.get("theirs", ""),
        model=d.get("model", ""),
        ours=d.get("ours", ""),
    ),
    "plate_moved": lambda d: N_(
        "The plate {plate} is on another car now (VIN {new}); the car with the VIN {old} has none any more.",
        plate=d.get("plate", ""),
        new=d.get("new_vin", ""),
        old=d.get("old_vin", ""),
    ),
}
