"""One entry of the attention list to read: what it is about, both sides, and what each choice does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wtpd.client import Json
from wtpd.language import say
from wtpd.texts import N_, Text
from wtpd.tui.cells import BLANK, name_of, reading
from wtpd.tui.page import Page
from wtpd.tui.pretty import MOST, write_pretty
from wtpd.tui.screens.attention import entries
from wtpd.tui.widgets.lines import fitted, wrapped
from wtpd.tui.widgets.sheet import Sheet
from wtpd.words import ATTENTION_FACTS, CUSTOMER, VEHICLE, field_name

LABEL = 17
"""Columns of the labels."""
SHORT = 20
SHORT_LINES = 3
LONG_LINES = 12
"""Lines of one side's value, on a sheet lower than `SHORT` and on a higher one: the choices are to be seen below."""
FIRST_LINES = 100
"""Lines of a message beside the list."""

KEYS: Mapping[str, tuple[str, Text]] = {
    "ours": ("o", N_("Ours")),
    "theirs": ("t", N_("Theirs")),
    "both": ("b", N_("Both")),
    "own": ("w", N_("Own text")),
    "retry": ("r", N_("Retry")),
    "edit": ("e", N_("Edit")),
    "discard": ("x", N_("Discard")),
    "done": ("d", N_("Done")),
}
STOPS = ("mass_cancellation", "partner_restored")
"""Kinds that stop a channel, which is resumed on the overview."""
_TO_OVERVIEW = ("Enter", N_("goes to the Overview, where it is resumed"))
KEY_STEPS: Mapping[str, tuple[str, Text]] = dict.fromkeys(STOPS, _TO_OVERVIEW) | {
    "possible_double": ("Enter", N_("opens one of the two; if it is one visit, cancel the one that is too many there")),
    "keeps_refusing": ("g", N_("forgets the call that fails and sends the appointment as it is now")),
    "named_in_note": ("n", N_("blanks the notes, in the history too; that can't be undone")),
    "shortened": ("Enter", N_("opens the appointment, where the text can be made shorter")),
    "dropped_value": ("Enter", N_("opens the appointment; enter the right value there, and it is sent")),
    "second_writer": (
        "Enter",
        N_("opens an appointment whose history shows it; the other program is to be switched off"),
    ),
    "wrong_plate": ("Enter", N_("opens the appointment; enter the right plate there")),
    "rental_missing": ("Enter", N_("opens the appointment; rent another car there")),
    "rental_double": ("Enter", N_("opens the appointment with both rentals")),
    "rental_mismatch": ("Enter", N_("opens the appointment; change the end, or cancel and book again")),
    "rental_refused": ("Enter", N_("opens the appointment; search again there")),
    "plate_moved": ("F6", N_("finds the other car's owner, if the plate belongs there after all")),
}
"""For each kind whose next step has a key: the key, and what it does."""
_COVERED: Mapping[str, Text] = {
    "ours": N_("Puts our value back and sends it to the partner."),
    "theirs": N_("The partner's value stays."),
}
"""The consequences where the values in them are hidden."""
_REASONED = ("quarantine", "rejected")
"""Their reason says it better than their sentence."""
_ELSEWHERE = ("inbox", "partner_id", "reason", "other")
"""Facts that aren't listed, because they are said otherwise."""
_PERSON = ("number", "street", "city", "mobile", "phone", "email")
_CAR = ("plate", "vin", "make", "model")


class Writer:
    """Writes `entry` on `sheet`. `detail`: what was fetched beside it (`fetch.Details`)."""

    def __init__(self, page: Page, sheet: Sheet, entry: Json, detail: Json) -> None:
        self._page, self._sheet, self._entry, self._detail = page, sheet, entry, detail
        self._zone = page.session.zone(entries.site_of(entry) or page.session.site)
        self._most = SHORT_LINES if sheet.size.height < SHORT else LONG_LINES
        self._covered = page.session.privacy.on and entries.tells_who(entry)

    def write(self) -> None:
        entry, sheet = self._entry, self._sheet
        sheet.text(sentence(self._page, entry), "strong")
        self._write_place()
        if entry["sides"]:
            self._write_conflict()
        elif entry["kind"] == "unmatched":
            self._write_records()
        elif entry["kind"] != "quarantine":
            self._write_facts()
        self._write_next_step()
        self._write_choices()
        if not entries.is_open(entry):
            self._write_decision()
        if entry["kind"] == "quarantine":
            self._write_message()

    def _write_next_step(self) -> None:
        """The way out as the daemon says it, with a command, or the key here that does the same."""
        entry, step = self._entry, self._entry["next_step"]
        if entry.get("other"):
            self._sheet.fact(N_("the other one"), visit_line(self._page, entry["other"], self._zone))
        if not step:
            return
        by_key = KEY_STEPS.get(entry["kind"])
        if by_key is None or entry["kind"] in STOPS:
            self._sheet.text(step)
        if by_key is not None:
            self._sheet.fact(*by_key)

    def _write_place(self) -> None:
        """Where it comes from, and the appointment that it is about, in one line."""
        entry, page = self._entry, self._page
        parts = [str(entry["channel"] or ""), page.formats.moment(entry["at"], self._zone)]
        if entry["data"].get("partner_id"):
            parts.append(say(N_("number {id}", id=page.hide(entry["data"]["partner_id"]))))
        parts.append(appointment_line(page, entry, self._zone))
        self._sheet.text(" · ".join(part for part in parts if part), "dim")

    def _write_conflict(self) -> None:
        entry, glyphs = self._entry, self._page.session.glyphs
        ours, theirs = (next(one for one in entry["sides"] if one["side"] == side) for side in ("ours", "theirs"))
        data = entry["data"]
        heads = [say(N_("ours")), str(theirs["actor"] or say(N_("the partner's")))]
        stands = {"ours": 0, "theirs": 1}.get(str(entry.get("stands") or data.get("stands", "theirs")))
        if stands is not None:
            heads[stands] += " ".join(("", glyphs.check, say(N_("stands"))))
        self._columns(entry["field_label"] or "", heads, "title")
        self._columns("", [self._value(one["shown"]) for one in (ours, theirs)])
        self._columns(say(N_("by")), [self._author(one) for one in (ours, theirs)], "dim")
        if data.get("field") != "cancelled":
            base = self._value(reading(str(data.get("field")), data.get("base"), self._page.formats, self._zone))
            self._sheet.fact(ATTENTION_FACTS["base"], base)
        if entry.get("stands") == "other":
            self._sheet.fact(N_("stands now"), self._value(entry["current"]))

    def _author(self, side: Json) -> str:
        at = self._page.formats.moment(side["at"], self._zone)
        return " ".join(part for part in (side["actor"] or say(N_("unknown")), at) if part)

    def _value(self, shown: str) -> str:
        return self._page.hide(shown) if self._covered else shown

    def _write_records(self) -> None:
        """The new record and the ones that it may be, two side by side."""
        records: Sequence[Json] = self._detail.get("records", ())
        if len(records) < 2:
            return
        new, known = records[0], records[1]
        more = len(records) - 2
        there = say(N_("there already")) + (f" (+{more})" if more else "")
        self._columns("", [say(N_("new")), there], "title")
        is_car = self._entry["data"].get("what") == "vehicle"
        if not is_car:
            self._columns(say(N_("name")), [self._page.hide(name_of(one)) for one in (new, known)])
        for name in _CAR if is_car else _PERSON:
            values = [str(one.get(name) or "") for one in (new, known)]
            if any(values):
                path = f"{'vehicle' if is_car else 'customer'}.{name}"
                shown = [self._page.session.privacy.hide_field(path, value) or BLANK for value in values]
                self._columns(_label(name, is_car), shown)

    def _write_facts(self) -> None:
        data, page = self._entry["data"], self._page
        known = [name for name in ATTENTION_FACTS if name in data and name not in _ELSEWHERE]
        for name in known:
            value = data[name]
            shown = say(field_name(str(value))) if name == "field" else self._read(str(data.get("field", "")), name)
            if name != "field" and self._covered:
                shown = page.hide(shown)
            self._sheet.fact(ATTENTION_FACTS[name], shown)
        if data.get("fields"):
            names = ", ".join(say(field_name(f"customer.{one}")) for one in data["fields"])
            self._sheet.fact(N_("differs there"), names)

    def _read(self, field: str, name: str) -> str:
        """A fact; the two sides and the base are values of the field that it is about."""
        path = field if name in ("base", "ours", "theirs") else name
        return reading(path, self._entry["data"][name], self._page.formats, self._zone)

    def _write_choices(self) -> None:
        given = dict(self._entry["consequences"])
        if "retry" in given and self._entry["kind"] == "quarantine":
            given["edit"] = say(N_("Change the message and apply that; the original stays kept."))
        for choice, (sign, label) in KEYS.items():
            if choice in given:
                text = say(_COVERED[choice]) if self._covered and choice in _COVERED else given[choice]
                self._sheet.fact(f"{sign}  {say(label)}", text)

    def _write_decision(self) -> None:
        entry, glyphs = self._entry, self._page.session.glyphs
        text = N_(
            "{decision}: {who}, {when}",
            decision=entries.decision(entry), who=entry["resolved_by"] or "",
            when=self._page.formats.moment(entry["resolved_at"], self._zone),
        )  # fmt: skip
        self._sheet.text(f"{glyphs.check} {say(text)}", "ok")

    def _write_message(self) -> None:
        if "message" in self._detail:
            self._sheet.heading(N_("The message (Enter: all of it)"))
            write_message(self._page, self._sheet, self._detail, most=FIRST_LINES)

    def _columns(self, label: str, values: Sequence[str], tint: str = "") -> None:
        """Two texts side by side, each in as many lines as it needs."""
        width = max(10, (max(40, self._sheet.size.width) - LABEL) // 2 - 1)
        more = self._page.session.glyphs.more
        parts = [_cut(wrapped(value or BLANK, width), self._most, more) for value in values]
        for place in range(max(len(lines) for lines in parts)):
            left, right = (lines[place] if place < len(lines) else "" for lines in parts)
            head = label if place == 0 else ""
            label_part = fitted([(head, "dim")], LABEL - 1, more=more)
            self._sheet.line(*label_part, (" ", ""), *fitted([(left, tint)], width + 1), (right, tint))


def sentence(page: Page, entry: Json) -> str:
    """What it says; a reason that a partner or its message gives may hold anything."""
    if page.session.privacy.on and entry["kind"] in _REASONED:
        return f"{entries.kind_name(entry['kind'])}: {page.hide(entry['text'])}"
    return str(entry["text"])


def headline(page: Page, entry: Json) -> str:
    """What it says, in the few words that a list has room for."""
    if page.session.privacy.on and entries.tells_who(entry):
        return page.hide(entry["text"]) if entry["kind"] != "conflict" else str(entry["field_label"])
    if entry["kind"] == "conflict" and entry["data"].get("field") != "cancelled":
        ours, theirs = (one["shown"] for one in entry["sides"])
        return f"{entry['field_label']}: {ours} | {theirs}"
    data = entry["data"]
    if entry["kind"] == "over_limit" and "limit" in data:
        asked = page.formats.number(data["booked"] + data["asked"])
        text = N_("{day}: {booked} of {limit} AW", day=page.formats.short_day(data["day"]), booked=asked,
                  limit=page.formats.number(data["limit"]))  # fmt: skip
        return say(text)
    if entry["kind"] == "unknown_code" and "code" in data:
        return f"{say(field_name(str(data['field'])))}: {data['code']}"
    return str(data.get("reason") or entry["text"]) if entry["kind"] in _REASONED else str(entry["text"])


def appointment_line(page: Page, entry: Json, zone: str | None) -> str:
    """`HRO-AL 17 Lübs 09.11. 08:00`"""
    return visit_line(page, entry["appointment"], zone) if entry["appointment"] else ""


def visit_line(page: Page, visit: Json, zone: str | None) -> str:
    drop_off = page.formats.moment(visit["drop_off"], zone)
    return " ".join(part for part in (page.hide(visit["plate"]), page.hide(visit["name"]), drop_off) if part)


def write_message(page: Page, sheet: Sheet, detail: Json, *, most: int = MOST) -> None:
    """The message as it came, and what somebody made of it."""
    if page.session.privacy.on:
        sheet.text(page.hide("message"))
        sheet.text(N_("Names are hidden; F9 shows them."), "dim")
        return
    write_pretty(sheet, detail["message"], most=most)
    if detail.get("edited") is not None:
        sheet.heading(N_("As it was edited and applied"))
        write_pretty(sheet, detail["edited"], most=most)


def _label(name: str, is_car: bool) -> str:
    return say((VEHICLE if is_car else CUSTOMER)[name])


def _cut(lines: list[str], most: int, more: str) -> list[str]:
    return lines if len(lines) <= most else [*lines[: most - 1], f"{lines[most - 1]} {more}"]
