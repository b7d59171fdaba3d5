"""The next step out of an entry of the attention list: a sentence with the command that does it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from wtpd.store.attention import Attention
from wtpd.texts import N_, Text


def next_step(entry: Attention, partner: str) -> Text | None:
    """For what isn't settled by choosing, or needs a look somewhere else before that. `partner`: its name."""
    step = _STEPS.get(entry.kind)
    return step(entry, partner) if step is not None and not entry.resolved_at else None


def _mass_cancellation(entry: Attention, partner: str) -> Text | None:
    connector, site = _place(entry)
    if not connector:
        return None
    if entry.data.get("mapping"):
        return N_(
            "Nothing is sent until then. If it is meant: wtpd resume {connector} --site {site} --accept-cancellations. "
            "If not, take the change of the mapping back.",
            connector=connector, site=site,
        )  # fmt: skip
    return N_(
        "Nothing is exchanged until then. Ask {partner}. If they are meant, this cancels them here: "
        "wtpd resume {connector} --site {site} --accept-cancellations. If not, wait until {partner} has mended it: "
        "wtpd resume {connector} --site {site}",
        partner=partner, connector=connector, site=site,
    )  # fmt: skip


def _partner_restored(entry: Attention, partner: str) -> Text | None:
    connector, site = _place(entry)
    if not connector or not entry.data.get("stopped"):
        return None
    return N_(
        "Nothing is exchanged until then. Ask {partner}. If it was restored, this sends our appointments again: "
        "wtpd resume {connector} --site {site} --accept-cancellations",
        partner=partner, connector=connector, site=site,
    )  # fmt: skip


def _database_restored(entry: Attention, partner: str) -> Text | None:
    if entry.data.get("question"):
        return N_("Look at it: wtpd show {id}", id=entry.appointment_id or "")
    connector, site = _place(entry)
    if not connector:
        return None
    return N_(
        "See whether both sides agree now: wtpd verify {connector} --site {site} --compare",
        connector=connector, site=site,
    )  # fmt: skip


def _possible_double(entry: Attention, partner: str) -> Text | None:
    return N_(
        "Compare them: wtpd show {id} and wtpd show {other}. If it is one visit, cancel one of them: "
        "wtpd tui, Reception",
        id=entry.appointment_id or "", other=str(entry.data.get("other", "")),
    )  # fmt: skip


def _shortened(entry: Attention, partner: str) -> Text | None:
    return N_(
        "Nothing is lost here. If the customer must read all of it at {partner}, shorten it: wtpd tui, Reception",
        partner=partner,
    )


_STEPS: Mapping[str, Callable[[Attention, str], Text | None]] = {
    "mass_cancellation": _mass_cancellation,
    "partner_restored": _partner_restored,
    "database_restored": _database_restored,
    "possible_double": _possible_double,
    "shortened": _shortened,
    "named_in_note": lambda entry, partner: N_(
        "To blank the notes, in the history too: wtpd erase-notes {id}", id=entry.appointment_id or ""
    ),
    "rental_missing": lambda entry, partner: N_(
        "Rent another car at once: wtpd rental search {id}", id=entry.appointment_id or ""
    ),
    "rental_double": lambda entry, partner: N_(
        "See both: wtpd rental show {id}. Have the one that is too many cancelled by {partner}.",
        id=entry.appointment_id or "",
        partner=partner,
    ),
    "rental_mismatch": lambda entry, partner: N_(
        "See the ways out: wtpd rental show {id}", id=entry.appointment_id or ""
    ),
    "rental_refused": lambda entry, partner: N_("Search again: wtpd rental search {id}", id=entry.appointment_id or ""),
    "second_writer": lambda entry, partner: N_(
        "Find the other program (a second box, the DMS) and switch it off for this dealer number. "
        "What it changed here: wtpd trace {id}",
        id=entry.appointment_id or "",
    ),
    "keeps_refusing": lambda entry, partner: N_(
        "wtpd keeps trying. To forget the call and send it as it is now: wtpd send {id}", id=entry.appointment_id or ""
    ),
    "dropped_value": lambda entry, partner: N_(
        "Ask the customer for it, and enter it here: wtpd tui, Reception; it is sent to {partner}.", partner=partner
    ),
    "wrong_plate": lambda entry, partner: N_(
        "Compare the plate with the car's papers, and enter the right one: wtpd tui, Customers"
    ),
    "plate_moved": lambda entry, partner: N_(
        "If the plate belongs to the other car after all, enter it there again: wtpd tui, Customers"
    ),
}


def _place(entry: Attention) -> tuple[str, str]:
    """Connector and site."""
    connector, _, site = (entry.channel or "").partition("/")
    return connector, site
