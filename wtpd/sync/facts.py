"""Appointments that are looked up at the partner while a page is applied: the merge does no I/O, so a page that needs
facts is undone, they are fetched, and it is applied again."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field

from wtpd.sync.ports import Incoming


@dataclass(frozen=True, slots=True)
class Facts:
    """Appointments that were looked up at the partner beforehand, since the merge does no I/O; None: there is none (any
    more). `live`: by our id the live appointment that carries it. `at`: by the partner's number."""

    live: Mapping[str, Incoming | None] = field(default_factory=dict)
    at: Mapping[str, Incoming | None] = field(default_factory=dict)


class Unanswered(Exception):
    """The page can't be applied before these appointments were looked up (see `Facts`); nothing of it was applied."""

    def __init__(self, live: Set[str], at: Set[str]) -> None:
        super().__init__("appointments have to be looked up first")
        self.live = live
        self.at = at


class Questions:
    """Answers from the facts at hand, and collects the questions they don't answer."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self.live: set[str] = set()
        self.at: set[str] = set()
        self.made: set[str] = set()
        """Our ids that this page made: nobody at the partner knows them, and each try of the page makes others."""

    def live_of(self, our_id: str) -> Incoming | None:
        if our_id not in self._facts.live and our_id not in self.made:
            self.live.add(our_id)
        return self._facts.live.get(our_id)

    def now_at(self, partner_id: str) -> tuple[bool, Incoming | None]:
        """Whether it is known, and the appointment."""
        if partner_id not in self._facts.at and len(self.at) < MOST_QUESTIONS:
            self.at.add(partner_id)
        return partner_id in self._facts.at, self._facts.at.get(partner_id)


NO_FACTS = Facts()
MOST_QUESTIONS = 50
"""Appointments that are looked up by number for one page."""
