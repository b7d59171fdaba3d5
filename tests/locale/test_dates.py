"""Every day and time that a person sees has one form in each language, wherever it is shown."""

from __future__ import annotations

import ast
import re
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

import wtpd as package
from wtpd import dates
from wtpd.book import contract
from wtpd.cli import moments
from wtpd.daemon.api import showing
from wtpd.daemon.mail import wording
from wtpd.texts import N_, Text
from wtpd.tui.formats import Formats

ROOT = Path(package.__file__).parent
ZONE = ZoneInfo("Europe/Berlin")
AT = datetime(2026, 11, 3, 7, 5, 9, tzinfo=UTC)
LOCAL = AT.astimezone(ZONE)
FORMS = {"de": "03.11.2026 08:05", "en": "03/11/2026 08:05", "nl": "03-11-2026 08:05"}
each_language = pytest.mark.parametrize("language", FORMS)


@each_language
def test_a_time_looks_the_same_everywhere(language: str) -> None:
    text = AT.isoformat()
    formats = Formats(language, lambda: AT)
    shown = {
        dates.show_moment(LOCAL, language),
        N_("{at}", at=LOCAL).render(language),
        Text.from_json(N_("{at}", at=LOCAL).as_json()).render(language),
        wording.show_moment(AT, "Europe/Berlin", language),
        moments.show_moment(text, "Europe/Berlin", language).partition(" ")[2],
        moments.show_exact(text, "Europe/Berlin", language).removesuffix(":09"),
        formats.exact(text, "Europe/Berlin").removesuffix(":09"),
        showing.shown("drop_off", text, ZONE, language),
        contract._shown(LOCAL, language),
    }
    assert shown == {FORMS[language]}


@each_language
def test_a_day_looks_the_same_everywhere(language: str) -> None:
    day = date(2026, 11, 3)
    shown = {
        dates.show_day(day, language),
        N_("{day}", day=day).render(language),
        Text.from_json(N_("{day}", day=day).as_json()).render(language),
        moments.show_day(day, language).partition(" ")[2],
        Formats(language).day("2026-11-03"),
        showing.shown("due", "2026-11-03", ZONE, language),
    }
    assert shown == {FORMS[language].partition(" ")[0]}


FORMATTERS = {"dates.py"}
FOR_MACHINES = {
    "book/importing/workbooks.py": "a cell of a workbook as the text of a list",
    "demo/lists.py": "a list as an old planner exports it",
    "demo/stage.py": "a time for the API",
}
MACHINES = ("store/", "sync/", "connectors/", "sandbox/", "testing/", "channel/", "calls/", "rentals/")
"""They speak with partners and the database; their sentences take dates, not texts of dates."""


def test_nobody_else_writes_dates() -> None:
    wrong = []
    for file in sorted(ROOT.rglob("*.py")):
        name = str(file.relative_to(ROOT))
        if name in FORMATTERS | FOR_MACHINES.keys() or name.startswith(MACHINES):
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            called = (
                isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "strftime"
            )
            formatted = isinstance(node, ast.FormattedValue) and re.search(
                r"%[YdmHMB]", ast.unparse(node.format_spec) if node.format_spec else ""
            )
            if called or formatted:
                wrong.append(f"{name}:{node.lineno}")
    assert wrong == []


MACHINE_FORM = re.compile(r"(?<!from)isoformat\(|\biso\(|strftime\(")


def test_no_sentence_takes_a_date_as_machines_write_it() -> None:
    wrong = []
    for file in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("N_", "N_n"):
                wrong += [f"{file.relative_to(ROOT)}:{node.lineno}" for given in node.keywords
                          if MACHINE_FORM.search(ast.unparse(given.value))]  # fmt: skip
    assert [one for one in wrong if not one.startswith("config/syntax.py")] == [], "that one quotes the file"
