"""The heart of sync: the three-way merge of one appointment, as a pure function (sync.md, 4 to 7).

`plan` compares what both sides last agreed on (the link's base), what the book holds (ours) and what the partner says
(theirs), and tells what to write where. It does no I/O and reads no clock. Actions for here come before `Agree`, those
for there after it, so that they can be carried out in order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

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
class Agree:
    """Both sides know of each other now; `base` is what they hold once the writes here are done. `closed`: the pair is
    cancelled for good."""

    base: Fields
    version: int
    closed: bool = False


@dataclass(frozen=True, slots=True)
class CreateThere:
    fields: Fields


@dataclass(frozen=True, slots=True)
class UpdateThere:
    fields: Fields


@dataclass(frozen=True, slots=True)
class CancelThere:
    pass


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


Action = CreateHere | UpdateHere | CancelHere | Agree | CreateThere | UpdateThere | CancelThere | Conflict

CANCELLED = "cancelled"
US = "dms"
"""Who made a change there, as the partner calls us."""


def plan(link: Link | None, ours: Ours | None, theirs: Incoming | None, sent: Intent | None = None) -> Iterator[Action]:
    """What to do about one appointment. `link` None: not linked; `ours` None: not in the book; `theirs` None: the
    partner still has what we last agreed on. `sent` is a call to the partner that wasn't answered yet."""
    if link is not None and link.tombstone:
        return  # closed for good: a late message doesn't bring it back to life
    if theirs is not None and link is not None and theirs.version <= link.version:
        theirs = None  # late: we know something newer
    if theirs is None and link is None:
        if ours is not None and ours.present:
            yield CreateThere(ours.fields)  # made here, or back in the department
        return
    if ours is None:
        if theirs is not None and not theirs.cancelled:
            yield CreateHere()  # booked there
            yield Agree(theirs.fields, theirs.version)
        return  # else it came and went without us
    yield from _both(link, ours, theirs, sent)


def _both(link: Link | None, ours: Ours, theirs: Incoming | None, sent: Intent | None) -> Iterator[Action]:
    """Both sides have it; without a link they just learn that it is the same one."""
    base = _base(link, ours, theirs, sent)
    there = base if theirs is None else {**base, **theirs.fields}
    version = theirs.version if theirs is not None else link.version if link is not None else 0
    merge = _merge(base, ours, there)
    if theirs is not None and theirs.cancelled:
        left = _left(ours, theirs, sent)  # we cancelled it there ourselves, because it had left the department
        if not ours.cancelled and not left:
            yield CancelHere()
            if merge.changed_here:  # cancelled there, changed here: cancelled stands
                yield Conflict(CANCELLED, False, merge.changed_here, True, "theirs")
        yield Agree({}, version, closed=True)
        if left and ours.present:
            yield CreateThere(ours.fields)  # and came back meanwhile
        return
    if ours.cancelled:
        if merge.changed_there:  # cancelled here, changed there: cancelled stands
            yield Conflict(CANCELLED, False, True, merge.changed_there, "ours")
        if theirs is not None:
            yield Agree(there, version)
        yield CancelThere()
        return
    yield from merge.conflicts
    if merge.take:
        yield UpdateHere(merge.take)  # changed there only, or there as well
    if theirs is not None:
        yield Agree(there, version)
    if not ours.in_scope or (link is not None and link.account != ours.account):
        yield CancelThere()  # it moved to a department or number that isn't connected with it
    elif merge.give:
        yield UpdateThere(merge.give)  # changed here only


@dataclass(slots=True)
class _Merge:
    """`take` from there, `give` to there; `changed_*` against the base."""

    take: dict[str, Any] = field(default_factory=dict)
    give: dict[str, Any] = field(default_factory=dict)
    changed_here: dict[str, Any] = field(default_factory=dict)
    changed_there: dict[str, Any] = field(default_factory=dict)
    conflicts: list[Conflict] = field(default_factory=list)


def _merge(base: Fields, ours: Ours, there: Fields) -> _Merge:
    """Field by field. A field one side doesn't have wasn't delivered: it is neither compared nor blanked."""
    merge = _Merge()
    for name, here in ours.fields.items():
        if name not in there:
            continue
        was, theirs = base.get(name, here), there[name]
        if here != was:
            merge.changed_here[name] = here
        if theirs != was:
            merge.changed_there[name] = theirs
        if here == theirs:
            continue  # nobody changed it, or both to the same value
        if theirs == was:
            merge.give[name] = here
        elif name in ours.owned:  # only we may change it: ours goes back
            merge.give[name] = here
            merge.conflicts.append(Conflict(name, was, here, theirs, "ours"))
        else:
            merge.take[name] = theirs
            if here != was:
                merge.conflicts.append(Conflict(name, was, here, theirs, "theirs"))
    return merge


def _base(link: Link | None, ours: Ours, theirs: Incoming | None, sent: Intent | None) -> Mapping[str, Any]:
    """What both sides last agreed on. A call of ours that wasn't answered may have reached the partner: where it says
    now what we said then, it has, and we agreed on that."""
    base = dict(link.base) if link is not None else {}
    if theirs is None:
        return base
    if link is not None and theirs.changed_by == US and theirs.version == link.version + 1:
        return {**base, **theirs.fields}  # the only change since then was ours
    for name, value in (sent.fields if sent is not None else {}).items():
        if name in theirs.fields and theirs.fields[name] == value:
            base[name] = value
    for name in ours.fields.keys() - base.keys():
        base[name] = _first_base(ours.fields[name], theirs.fields.get(name, ours.fields[name]))
    return base


def _first_base(here: Any, there: Any) -> Any:
    """The base of a field both sides never spoke about: a blank gives way to a value; two values are a conflict."""
    if here == there or not here:
        return here
    return there if not there else None


def _left(ours: Ours, theirs: Incoming, sent: Intent | None) -> bool:
    cancelling = sent is not None and sent.operation == "cancel"
    return theirs.changed_by == US and not ours.cancelled and (cancelling or not ours.in_scope)
