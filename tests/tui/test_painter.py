"""What the painter leaves out is never missed: a terminal shows the same with it as without."""

from __future__ import annotations

import pyte
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len, set_cell_size

from wtpd.tui.painter import Painter

COLUMNS, LINES = 20, 5
STYLES = ("", "39;49", "7;39;49", "1;7;39;49", "2;39;49", "31;49", "38;5;49;49", "4")
NARROW, ANY = "  aäX●…é", "  aäX界…é"


def whole(line: str = "") -> str:
    """A picture of the whole screen, as the first one is."""
    return "\r\n".join(f"\x1b[{y};1H\x1b[39;49m{line:<{COLUMNS}}\x1b[0m" for y in range(1, LINES + 1))


@st.composite
def pictures(draw: st.DrawFn) -> str:
    """What Textual writes for changed regions: a move, styled texts, a line end; and the cursor at the end. The last
    lines are always drawn whole, since it never draws over one half of a wide sign."""
    parts = []
    for _ in range(draw(st.integers(1, 4))):
        y, x = draw(st.integers(1, LINES)), draw(st.integers(1, COLUMNS))
        is_whole = y > LINES - 2
        x = 1 if is_whole else x
        parts.append(f"\x1b[{y};{x}H")
        room = COLUMNS - x + 1
        for text in draw(st.lists(st.text(st.sampled_from(ANY if is_whole else NARROW), min_size=1), max_size=4)):
            text = set_cell_size(text, min(cell_len(text), room))
            room -= cell_len(text)
            style = draw(st.sampled_from(STYLES))
            parts.append(f"\x1b[{style}m{text}\x1b[0m" if style else text)
        parts.append(" " * room if is_whole else "")
        parts.append("\r\n" if y < LINES else "")
    parts.append(f"\x1b[{draw(st.integers(1, LINES))};{draw(st.integers(1, COLUMNS))}H")
    return "".join(parts)


def shown(screen: pyte.Screen) -> list[list[tuple[object, ...]]]:
    """Every cell as it looks; a blank has no letters that could be red or bold."""
    return [
        [
            (cell.data, cell.bg, cell.reverse, cell.underscore, *((cell.fg, cell.bold) if cell.data.strip() else ()))
            for cell in (screen.buffer[y][x] for x in range(COLUMNS))
        ]
        for y in range(LINES)
    ]


def terminal() -> tuple[pyte.Screen, pyte.Stream]:
    screen = pyte.Screen(COLUMNS, LINES)
    screen.reset_mode(pyte.modes.DECAWM)
    return screen, pyte.Stream(screen)


@settings(deadline=None, max_examples=200)
@given(st.sampled_from(["", whole()]), st.lists(pictures(), max_size=6))
def test_the_terminal_shows_what_it_would_without(first: str, drawn: list[str]) -> None:
    """Also where nobody knows what is between the pieces that were drawn."""
    painter = Painter(COLUMNS, LINES)
    (plain, plainly), (spared, sparingly) = terminal(), terminal()
    for picture in [first, *drawn]:
        plainly.feed(picture)
        sparingly.feed(painter.paint(picture))
        assert shown(spared) == shown(plain)


def test_nothing_is_written_for_what_is_there_already() -> None:
    painter = Painter(COLUMNS, LINES)
    painter.paint(whole("Termine"))
    assert painter.paint(whole("Termine")) == ""


def test_one_changed_letter_costs_its_place_and_itself() -> None:
    painter = Painter(COLUMNS, LINES)
    painter.paint(whole("12 Termine"))
    assert painter.paint("\x1b[2;1H\x1b[39;49m13 Termine\x1b[0m\x1b[1;1H") == "\x1b[2;2H3"


def test_blanks_to_the_end_of_a_line_are_erased_not_written() -> None:
    painter = Painter(COLUMNS, LINES)
    painter.paint(whole("Termine"))
    assert painter.paint(whole().partition("\r\n")[0]) == "\x1b[1;1H\x1b[K"


def test_after_a_resize_or_a_foreign_line_everything_is_sent() -> None:
    painter = Painter(COLUMNS, LINES)
    painter.paint(whole("Termine"))
    painter.forget()
    assert painter.paint(whole("Termine")).count("Termine") == LINES
    painter.resize(COLUMNS, LINES)
    assert painter.paint(whole("Termine")) == ""
    painter.resize(COLUMNS - 1, LINES)
    assert painter.paint(whole("Termine")).count("Termine") == LINES


def test_what_is_no_picture_goes_through() -> None:
    painter = Painter(COLUMNS, LINES)
    painter.paint(whole("Termine"))
    assert painter.paint("\x1b[?1049h") == "\x1b[?1049h"
    assert painter.paint(whole("Termine")).count("Termine") == LINES


def test_the_cursor_stands_in_the_field_one_types_into() -> None:
    painter = Painter(COLUMNS, LINES)
    painter.paint(whole(""))
    assert painter.paint("\x1b[2;3H\x1b[39;49mab\x1b[0m\x1b[2;5H") == "\x1b[2;3Hab"
    assert painter.paint("\x1b[2;3H\x1b[39;49mab\x1b[0m\x1b[2;4H") == "\x1b[4G"
