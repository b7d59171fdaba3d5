"""What a step on an appointment's way says: one sentence, and what there is to add."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from wtpd.planner.history import Entry
from wtpd.store.attention import Attention
from wtpd.store.messages import Message
from wtpd.store.pushed_trace import Pushed
from wtpd.texts import N_, N_n, Text, said
from wtpd.words import RESOLUTIONS, field_name

Said = Callable[[str, str], Text]
"""With the partner's name, and its number of the appointment."""

_NO_ANSWER: Mapping[str, Said] = {
    "create": lambda partner, number: N_("{partner}: being created there; no answer yet", partner=partner),
    "update": lambda partner, number: N_("{partner}: a change on its way; no answer yet", partner=partner),
    "cancel": lambda partner, number: N_("{partner}: being cancelled there; no answer yet", partner=partner),
}
_TAKEN: Mapping[str, Said] = {
    "create": lambda partner, number: N_("{partner}: created there as {id}", partner=partner, id=number),
    "update": lambda partner, number: N_("{partner}: changed there", partner=partner),
    "cancel": lambda partner, number: N_("{partner}: cancelled there", partner=partner),
}
_REFUSED: Mapping[str, Said] = {
    "create": lambda partner, number: N_("{partner}: refuses the appointment", partner=partner),
    "update": lambda partner, number: N_("{partner}: refuses the change", partner=partner),
    "cancel": lambda partner, number: N_("{partner}: refuses the cancellation", partner=partner),
}
_FAILED: Mapping[str, Said] = {
    "create": lambda partner, number: N_("{partner}: couldn't be created there", partner=partner),
    "update": lambda partner, number: N_("{partner}: a change didn't go through", partner=partner),
    "cancel": lambda partner, number: N_("{partner}: couldn't be cancelled there", partner=partner),
}
_LOOKS: Mapping[str, Said] = {
    "look": lambda partner, number: N_("{partner}: to be sent again", partner=partner),
    "same": lambda partner, number: N_("{partner}: sent again; both sides have the same", partner=partner),
    "differs": lambda partner, number: N_("{partner}: sent again; what differed is brought into line", partner=partner),
    "gone": lambda partner, number: N_("{partner}: sent again; it isn't there any more", partner=partner),
    "anew": lambda partner, number: N_("{partner}: sent again", partner=partner),
}
"""Asked for by somebody."""
_ASKED: Mapping[str, Mapping[str | None, Said]] = {
    "identify": {
        "ok": lambda partner, number: N_("{partner}: was asked about {id}, and answered", partner=partner, id=number),
        "refused": lambda partner, number: N_("{partner}: refused a question about {id}", partner=partner, id=number),
        "failed": lambda partner, number: N_("{partner}: couldn't be asked about {id}", partner=partner, id=number),
    },
    "value": {
        "ok": lambda partner, number: N_("{partner}: was asked for the value of {id}", partner=partner, id=number),
        "refused": lambda partner, number: N_("{partner}: refused to value {id}", partner=partner, id=number),
        "failed": lambda partner, number: N_("{partner}: couldn't be asked to value {id}", partner=partner, id=number),
    },
}
"""Questions about vehicles; the number is the VIN or plate."""
_CALLS: Mapping[str | None, Mapping[str, Said]] = {
    None: _NO_ANSWER, "ok": _TAKEN, "refused": _REFUSED, "failed": _FAILED,
}  # fmt: skip
_MEANWHILE: Mapping[int | None, Said] = {
    409: lambda partner, number: N_("{partner}: has it already; what it has is fetched and merged", partner=partner),
    412: lambda partner, number: N_(
        "{partner}: changed it meanwhile; what it has is fetched and merged", partner=partner
    ),
}
"""Refusals, by the status of HTTP, that another call may follow."""
_ITEMS: Mapping[str, Said] = {
    "create": lambda partner, number: N_("{partner}: booked there as {id}; taken over", partner=partner, id=number),
    "update": lambda partner, number: N_("{partner}: changed there; taken over", partner=partner),
    "cancel": lambda partner, number: N_("{partner}: cancelled there; taken over", partner=partner),
    "none": lambda partner, number: N_("{partner}: told of it; nothing new", partner=partner),
    "echo": lambda partner, number: N_("{partner}: tells what we had sent", partner=partner),
    "late": lambda partner, number: N_("{partner}: told of it late; ignored", partner=partner),
    "quarantine": lambda partner, number: N_(
        "{partner}: a message that couldn't be applied; it is kept in quarantine", partner=partner
    ),
}
_ENTRIES: Mapping[str, Callable[[str], Text]] = {
    "created": lambda names: N_("Booked"),
    "changed": lambda names: N_("Changed: {fields}", fields=names),
    "cancelled": lambda names: N_("Cancelled"),
}
_RESOLUTIONS: Mapping[str | None, Text] = {
    "ours": N_("Decided: ours"),
    "theirs": N_("Decided: the partner's stands"),
    "done": N_("Done"),
    "retried": N_("Sent again"),
    "sent": N_("The partner took it after all"),
    "applied": N_("Applied after all"),
    "discarded": N_("Given up"),
    "erased": N_("Erased"),
}


_KINDS: Mapping[str, Text] = {"customer": N_("customer"), "vehicle": N_("vehicle"), "order": N_("order")}
_PUSHED: Mapping[str, Callable[[str, Text, str], Text]] = {
    "accepted": lambda partner, what, number: N_(
        "{partner}: sent the {what} {number}; taken over", partner=partner, what=what, number=number
    ),
    "unchanged": lambda partner, what, number: N_(
        "{partner}: sent the {what} {number} again; nothing new", partner=partner, what=what, number=number
    ),
    "quarantined": lambda partner, what, number: N_(
        "{partner}: sent the {what} {number}, which couldn't be taken over", partner=partner, what=what, number=number
    ),
}


def of_pushed(one: Pushed, partner: str) -> Text:
    return _PUSHED[one.result](partner, _KINDS[one.kind], one.number)


def about_pushed(one: Pushed) -> Iterator[Text | str]:
    """What there is to add: the reason, and where the body can be seen."""
    if one.reason:
        yield f"{one.reason}: {one.field}" if one.field else one.reason
    if one.body is not None:
        yield N_("body {id} ({path}): wtpd listener received {id}", id=one.body, path=one.path)


def of_message(message: Message, partner: str) -> Text:
    """`partner`: its name."""
    if message.direction == "in":
        words = _ITEMS[message.operation]
    elif message.operation in _ASKED:
        return _ASKED[message.operation][message.outcome](partner, message.partner_id or "–")
    elif message.operation in _LOOKS:
        words = _LOOKS[message.operation]
    elif message.outcome == "refused" and message.error is None:
        words = _MEANWHILE.get(message.status, _overtaken)
    else:
        words = _CALLS[message.outcome][message.operation]
    return words(partner, message.partner_id or "")


def _overtaken(partner: str, number: str) -> Text:
    return N_("{partner}: refused a repeated call; what it has is fetched and merged", partner=partner)


def about_message(message: Message, language: str) -> Iterator[str]:
    """What there is to add: the reason, the fields, how often."""
    if message.error:
        yield said(message.error, language)
    elif message.fields:
        yield fields(message.fields, language)
    if message.direction == "out" and message.attempts > 1:
        yield N_n("sent once", "sent {count} times", count=message.attempts).render(language)
    elif message.attempts > 1:
        yield N_n("received once", "received {count} times", count=message.attempts).render(language)


def of_echo(partner: str) -> Text:
    return N_("{partner}: tells it in its list of changes", partner=partner)


def of_entry(entry: Entry, language: str) -> str:
    """A change in the history."""
    if entry.undoes is not None:
        return N_("Taken back: {fields}", fields=fields(entry.changes, language)).render(language)
    words = _ENTRIES.get(entry.action)
    return words(fields(entry.changes, language)).render(language) if words else entry.action


def of_resolution(entry: Attention, language: str) -> str:
    """How an entry of the attention list was closed."""
    words = _RESOLUTIONS.get(entry.resolution) or RESOLUTIONS.get(entry.resolution or "")
    return said(words or entry.resolution or N_("Done"), language)


def fields(names: Mapping[str, object] | tuple[str, ...], language: str) -> str:
    return ", ".join(said(field_name(name), language) for name in names)
