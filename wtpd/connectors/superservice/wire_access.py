"""SUPERSERVICE's JSON about access: the dealer record, the meaning of a 403. Pure; a part of `wire.py`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wtpd.channel.errors import Ability, MissingRight, NotAllowed, PartnerError, Rejected
from wtpd.connectors.kit.values import list_, object_, text

RIGHTS: Mapping[str, Ability] = {
    "appointments.read": "receive",
    "appointments.write": "send",
    "availability.write": "publish",
}
"""What wtpd needs at the partner, and what each right is for."""
_NEEDED: Mapping[Ability, str] = {ability: right for right, ability in RIGHTS.items()}
_NUMBER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")
_NUMBERS_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Dealer:
    """The dealer record. `rights`: what the credentials may do there; None where the partner doesn't say."""

    number: str
    name: str
    brand: str
    rights: tuple[str, ...] | None

    @property
    def missing(self) -> dict[str, Ability]:
        """The rights that wtpd needs and the credentials lack, with the ability that each is for."""
        return {} if self.rights is None else {right: RIGHTS[right] for right in RIGHTS if right not in self.rights}


def dealer(raw: Any) -> Dealer:
    """Raises `WireError`."""
    body = object_(raw, "dealer")
    given = body.get("rights")
    rights = None if given is None else tuple(text(right, "rights", 64) for right in list_(given, "rights"))
    brand = text(body.get("brand") or "", "brand", 64)
    return Dealer(
        text(body.get("dealerNumber"), "dealerNumber", 64), text(body.get("name"), "name", 200), brand, rights
    )


def refusal(error: NotAllowed, account: str, ability: Ability) -> PartnerError | None:
    """The error that a 403 means by its problem type; None if its type isn't one of the contract."""
    problem = error.problem
    said = problem.get("type")
    kind = said.rpartition("/")[2] if isinstance(said, str) else ""
    if kind == "dealer-not-covered":
        return not_allowed(error, account)
    if kind == "right-missing":
        right = problem.get("right")
        known = right if isinstance(right, str) and right in RIGHTS else _NEEDED[ability]
        return MissingRight(str(error), right=known, ability=RIGHTS[known], status=error.status)
    if kind == "appointment-forbidden":
        return Rejected(str(error), status=error.status, detail=error.detail)
    return None


def not_allowed(error: NotAllowed, account: str) -> NotAllowed:
    """A 403 about the dealer number, with the numbers that the credentials cover, where the partner names them."""
    named = error.problem.get("dealerNumbers")
    numbers = (
        {one for one in named if isinstance(one, str) and _NUMBER.fullmatch(one)} if isinstance(named, list) else ()
    )
    covers = sorted(one for one in numbers if one != account)[:_NUMBERS_SHOWN]
    return NotAllowed(str(error), status=error.status, detail=error.detail, account=account, covers=covers)


def lacking(error: NotAllowed, ability: Ability) -> MissingRight:
    """The right that `ability` needs is missing."""
    return MissingRight(str(error), right=_NEEDED[ability], ability=ability, status=error.status)
