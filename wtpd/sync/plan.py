"""The heart of sync: the three-way merge of one appointment, as a pure function (sync.md, 4 to 7 and 13 to 20).

`plan` compares the fields both sides last agreed on (the link), the book's (ours) and the partner's (theirs), and says
what to write where. It does no I/O and reads no clock. Steps for here come before `Agree`, those for there after it, so
that they can be carried out in order.

A write is known as ours by the call that was stored (`sent`), never by the partner's label `dms`: an older copy of our
database, or another program, may have written it (docs/adr/0061).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from wtpd.sync.ports import Fields, Incoming, Intent, Link, Ours


@dataclass(frozen=True, slots=True)
class CreateHere:
    pass


@dataclass(frozen=True, slots=True)
class UpdateHere:
    fields: Fields


@dataclass(frozen=True, slots=True)
class CancelHere:
    pass


@dataclass(frozen=True, slots=True)
class PassBy:
    """It was cancelled there before it ever was ours; its version is remembered, so that an older message about it
    books nothing."""

    version: int


@dataclass(frozen=True, slots=True)
class Agree:
    """Both sides know of each other now. `base` is what the partner holds once the writes here are done, `apart` our
    values of the fields that differ and stay so. `closed`: the pair is cancelled for good."""

    base: Fields
    version: int
    closed: bool = False
    apart: Fields = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CreateThere:
    fields: Fields


@dataclass(frozen=True, slots=True)
class UpdateThere:
    fields: Fields


@dataclass(frozen=True, slots=True)
class CancelThere:
    """`left`: it isn't cancelled here, but left the connected department or dealer number."""

    left: bool = False


@dataclass(frozen=True, slots=True)
class LetGo:
    """It left the connected department or dealer number when it was past: the link is closed, nobody is told."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Both sides changed `field` since they last agreed. `stands` says whose value is kept: `theirs`, or `ours` for a
    field that only we may change. `field` is `cancelled` if one side cancelled what the other one changed; the value
    of the side that changed is then what it changed."""

    field: str
    base: Any
    ours: Any
    theirs: Any
    stands: str


Question = Literal["left", "elsewhere"]


@dataclass(frozen=True, slots=True)
class Ask:
    """Only a person knows: we don't remember a call, and nothing may be booked or cancelled unasked.

    `left`: we took it out of the department there, and here it stands in it. `elsewhere`: it is live there, and here it
    stands in a department that isn't connected."""

    question: Question


Action = (
    CreateHere | UpdateHere | CancelHere | PassBy | Agree | CreateThere | UpdateThere | CancelThere | LetGo | Conflict
    | Ask
)  # fmt: skip

CANCELLED = "cancelled"
US = "dms"
"""Who made a change there, as the partner calls the dealer's own programs."""
ROUNDS = 3
"""So often another program may write over our writes; then wtpd stops answering it."""


def plan(
    link: Link | None,
    ours: Ours | None,
    theirs: Incoming | None,
    sent: Intent | None = None,
    *,
    successor: str | None = None,
) -> Iterator[Action]:
    """The steps for one appointment. `link` None: not linked; `ours` None: not in the book; `theirs` None: the partner
    still has what we last agreed on. `sent` is a call to the partner that wasn't answered yet. `successor` is the
    partner's number of another live appointment there with our id, as far as that was looked up."""
    if link is not None and link.tombstone:
        return  # closed for good: a late message doesn't bring it back to life
    if theirs is not None and link is not None and theirs.version <= link.version:
        theirs = None  # late: we know something newer
    if theirs is None and link is None:
        if ours is not None and ours.present and ours.upcoming:
            yield CreateThere(ours.fields)  # made here, or back in the department
    elif ours is None:
        if theirs is not None and theirs.cancelled:
            yield PassBy(theirs.version)
        elif theirs is not None:
            yield CreateHere()  # booked there
            yield Agree(theirs.fields, theirs.version)
    elif theirs is not None and theirs.cancelled:
        yield from _cancelled_there(link, ours, theirs, sent, successor)
    elif ours.cancelled:
        yield from _cancelled_here(link, ours, theirs, sent)
    elif link is None and not ours.in_scope and sent is None:
        yield Ask("elsewhere")
    else:
        yield from _both(link, ours, theirs, sent)


def is_ours(theirs: Incoming, sent: Intent | None) -> bool:
    """The partner shows the write that a stored call of ours made: the version that it makes, and what was sent, or
    what a partner may make of it."""
    if sent is None or theirs.changed_by != US:
        return False
    if sent.operation == "create":
        is_next = theirs.version == 1 and theirs.our_id == sent.appointment_id
    else:
        is_next = theirs.partner_id == sent.partner_id and theirs.version == (sent.expected_version or 0) + 1
    return is_next and all(resembles(value, theirs.fields.get(name, value)) for name, value in sent.fields.items())


def resembles(sent: Any, held: Any) -> bool:
    """`held` is `sent` as a partner may tidy or shorten it: another case, other blanks and signs, another spelling in
    Unicode, the end cut off."""
    if isinstance(sent, str) and isinstance(held, str):
        return _letters(sent).startswith(_letters(held)) and bool(_letters(held)) == bool(_letters(sent))
    if isinstance(sent, list) and isinstance(held, list):
        return len(sent) == len(held) and all(map(resembles, sent, held))
    if isinstance(sent, dict) and isinstance(held, dict):
        return all(resembles(value, held.get(name, value)) for name, value in sent.items())
    return bool(sent == held)


def _letters(text: str) -> str:
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    return "".join(each for each in text.casefold() if each.isalnum())


def _both(link: Link | None, ours: Ours, theirs: Incoming | None, sent: Intent | None) -> Iterator[Action]:
    """Both sides have it; without a link they just learn that it is the same one."""
    agreed, there, version = _standing(link, ours, theirs, sent)
    merge = _merge(agreed, ours, there, tired=link is not None and link.rounds >= ROUNDS)
    if merge.take:
        yield UpdateHere(merge.take)  # changed there only, or there as well
    yield from merge.conflicts
    if theirs is not None or (link is not None and merge.is_equal_again(link)):
        yield Agree(there, version, apart=merge.apart)
    if not ours.in_scope or (link is not None and link.account != ours.account):
        yield CancelThere(left=True) if ours.upcoming else LetGo()
    elif merge.give:
        yield UpdateThere(merge.give)  # changed here only


def _cancelled_there(
    link: Link | None, ours: Ours, theirs: Incoming, sent: Intent | None, successor: str | None
) -> Iterator[Action]:
    by_us = theirs.changed_by == US
    cancelling = sent is not None and sent.operation == "cancel"
    closed = Agree({}, theirs.version, closed=True)
    if by_us and not cancelling and successor not in (None, theirs.partner_id):
        yield closed  # we gave this number up, and don't remember it; it lives under another one
        return
    if by_us and not ours.cancelled and (theirs.left or cancelling or not ours.in_scope):
        yield closed  # we cancelled it there ourselves, because it had left the department
        if ours.present and not cancelling:
            yield Ask("left")
        elif ours.present and ours.upcoming:
            yield CreateThere(ours.fields)  # and came back meanwhile
        return
    if not ours.cancelled:
        yield CancelHere()
        agreed, there, _ = _standing(link, ours, theirs, sent)
        changed = _merge(agreed, ours, there).changed_here
        if changed:  # cancelled there, changed here: cancelled stands
            yield Conflict(CANCELLED, False, changed, True, "theirs")
    yield closed


def _cancelled_here(link: Link | None, ours: Ours, theirs: Incoming | None, sent: Intent | None) -> Iterator[Action]:
    agreed, there, version = _standing(link, ours, theirs, sent)
    if link is None and sent is None:  # we don't remember that it is there: nothing live is cancelled unasked
        yield Conflict(CANCELLED, True, True, False, "ours")
        yield Agree({}, version, closed=True)
        return
    changed = _merge(agreed, ours, there).changed_there
    if changed:  # cancelled here, changed there: cancelled stands
        yield Conflict(CANCELLED, False, True, changed, "ours")
    if theirs is not None:
        yield Agree(there, version)
    yield CancelThere()


@dataclass(frozen=True, slots=True)
class _Agreed:
    """The fields both sides last agreed on, as either side had them."""

    here: dict[str, Any]
    there: dict[str, Any]


@dataclass(slots=True)
class _Merge:
    """`take` from there, `give` to there, keep `apart`; `changed_*` since both sides agreed."""

    take: dict[str, Any] = field(default_factory=dict)
    give: dict[str, Any] = field(default_factory=dict)
    apart: dict[str, Any] = field(default_factory=dict)
    changed_here: dict[str, Any] = field(default_factory=dict)
    changed_there: dict[str, Any] = field(default_factory=dict)
    conflicts: list[Conflict] = field(default_factory=list)

    def is_equal_again(self, link: Link) -> bool:
        """A difference that was agreed on is none any more."""
        return any(name not in self.apart and name not in self.give for name in link.apart)


def _standing(
    link: Link | None, ours: Ours, theirs: Incoming | None, sent: Intent | None
) -> tuple[_Agreed, dict[str, Any], int]:
    """The fields last agreed on, the fields the partner has now, and their version."""
    agreed = _agreed(link, ours, theirs, sent)
    there = agreed.there if theirs is None else {**agreed.there, **theirs.fields}
    version = theirs.version if theirs is not None else link.version if link is not None else 0
    return agreed, there, version


def _merge(agreed: _Agreed, ours: Ours, there: Fields, *, tired: bool = False) -> _Merge:
    """Field by field. A field one side doesn't have wasn't delivered: it is neither compared nor blanked. `tired`:
    another program writes there, and nothing goes back unless somebody changes it here."""
    merge = _Merge()
    for name, here in ours.fields.items():
        if name not in there:
            continue
        theirs = there[name]
        was_here, was_there = agreed.here.get(name, here), agreed.there.get(name, here)
        if here != was_here:
            merge.changed_here[name] = here
        if theirs != was_there:
            merge.changed_there[name] = theirs
        if here == theirs:
            continue  # nobody changed it, or both to the same value
        if theirs == was_there and here == was_here:
            merge.apart[name] = here
        elif theirs == was_there:
            merge.give[name] = here
        elif name in ours.owned:  # only we may change it: ours goes back
            (merge.apart if tired else merge.give)[name] = here
            merge.conflicts.append(Conflict(name, was_here, here, theirs, "ours"))
        else:
            merge.take[name] = theirs
            if here != was_here:
                merge.conflicts.append(Conflict(name, was_here, here, theirs, "theirs"))
    return merge


def _agreed(link: Link | None, ours: Ours, theirs: Incoming | None, sent: Intent | None) -> _Agreed:
    """A call of ours that wasn't answered may have reached the partner. Where the partner shows that very write, both
    agreed on what it made of it; else on the values that it has as we sent them."""
    there = dict(link.base) if link is not None else {}
    here = {**there, **link.apart} if link is not None else {}
    if theirs is None:
        return _Agreed(here, there)
    taken = is_ours(theirs, sent)
    for name, value in (sent.fields if sent is not None else {}).items():
        if name in theirs.fields and (taken or theirs.fields[name] == value):
            here[name], there[name] = value, theirs.fields[name]
    for name in ours.fields.keys() - there.keys():
        here[name] = there[name] = _first_base(ours.fields[name], theirs.fields.get(name, ours.fields[name]))
    return _Agreed(here, there)


def _first_base(here: Any, there: Any) -> Any:
    """The base of a field both sides never spoke about: a blank gives way to a value; two values are a conflict."""
    if here == there or not here:
        return here
    return there if not there else None
