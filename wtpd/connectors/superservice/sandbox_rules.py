"""The freedoms that the contract leaves to SUPERSERVICE's side, and its moods: what the sandbox plays of them."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

import msgspec

from wtpd.connectors.kit.contract import Refusal
from wtpd.connectors.kit.sandbox_side import ActRefused, Host

_KEY = "rules"


class _Rules(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    signs: bool = True
    """Refuses advisors and cars that the dealer never published, once it has published something."""
    past: bool = False
    """Refuses appointments whose collection is in the past."""
    key_hours: float = 24.0
    """How long the answer to a write is kept under its key."""
    cut: int = 0
    """Characters at which notes, titles and descriptions are cut; 0: not at all."""
    tidy: bool = False
    """Keeps names and plates in capitals, without blanks and hyphens in plates."""
    refuse_cursors: int = 0
    """The status by which the cursors given before this rule was set are refused."""
    epoch: int = 0
    """Counts how often `refuse_cursors` was set."""
    endless: bool = False
    """The feed never ends: the last items come again and again, behind new cursors."""
    more: int = 0
    """Items that a page has beyond its limit."""
    bulk: int = 0
    """Kilobytes by which each item of a page grows (a member that nobody knows)."""
    per_second: int = 0
    """Requests a second, all clients together, beyond which it answers 429; 0: no limit."""


class Rules:
    """Kept on disk; `change` sets some of them."""

    def __init__(self, host: Host) -> None:
        self._journal = host.journal(_KEY)
        kept = dict(self._journal.load()).get(_KEY)
        self._now = msgspec.json.decode(kept, type=_Rules) if kept else _Rules()
        self.forbidden: set[str] = set()
        """Appointments that this side lets nobody touch (403); forgotten at a restart."""
        self._second = 0
        self._counted = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._now, name)

    def state(self) -> Any:
        return msgspec.to_builtins(self._now)

    def change(self, given: Mapping[str, Any]) -> Any:
        """Raises `ActRefused` for a rule that can't be."""
        try:
            changed = msgspec.convert({**self.state(), **given}, type=_Rules)
        except msgspec.ValidationError as error:
            raise ActRefused(str(error)) from None
        if changed.refuse_cursors not in (0, 400, 404, 410):
            raise ActRefused("cursors are refused by 400, 404 or 410")
        if given.get("refuse_cursors"):
            changed.epoch += 1
        self._now = changed
        self._journal.put(_KEY, msgspec.json.encode(changed))
        return self.state()

    def count(self, second: int) -> None:
        """Count a request of this second. Raises `Refusal` 429 for one too many."""
        if second != self._second:
            self._second, self._counted = second, 0
        self._counted += 1
        if 0 < self._now.per_second < self._counted:
            raise Refusal(429, "too-many", "Too many requests in this second", headers={"Retry-After": "1"})

    def keep(self, body: dict[str, Any]) -> None:
        """Bring an appointment into the form in which it is kept."""
        with contextlib.suppress(AttributeError, KeyError, TypeError):  # odd values that are played stay as they are
            if self._now.cut:
                _cut(body, self._now.cut)
            if self._now.tidy:
                _tidy(body)


def _cut(body: dict[str, Any], length: int) -> None:
    holders = [(body, "notes"), *((job, name) for job in body["jobs"] for name in ("title", "description"))]
    for holder, name in holders:
        if isinstance(holder.get(name), str):
            holder[name] = holder[name][:length]


def _tidy(body: dict[str, Any]) -> None:
    for name in ("firstName", "lastName", "companyName"):
        if isinstance(body["customer"].get(name), str):
            body["customer"][name] = " ".join(body["customer"][name].split()).upper()
    plate = body["vehicle"].get("registrationPlate")
    if isinstance(plate, str):
        body["vehicle"]["registrationPlate"] = plate.replace("-", " ").upper()
