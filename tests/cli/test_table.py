"""Tables fit into the terminal."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from wtpd.cli.table import Table, cut

ROWS = [["08:30", "HRO-AB 123", "Freiherr von und zu Schlosser-Neuschäfer", "Inspektion groß", "36"]]
HEADS = ["time", "plate", "customer", "work", "AW"]


def test_columns_stand_below_their_heads() -> None:
    assert list(Table(["a", "bc"], [["12", "3"], ["1", "234"]]).lines(80)) == ["a   bc", "12  3", "1   234"]


def test_the_widest_column_gives_way() -> None:
    head, row = Table(HEADS, ROWS).lines(60)
    assert len(row) <= 60
    assert "HRO-AB 123" in row
    assert "08:30" in row
    assert "…" in row
    assert head.index("plate") == row.index("HRO-AB 123")


def test_nothing_is_cut_in_a_pipe() -> None:
    assert "Freiherr von und zu Schlosser-Neuschäfer" in list(Table(HEADS, ROWS).lines(None))[1]


def test_a_line_end_in_a_cell_doesnt_break_the_table() -> None:
    assert list(Table(["a"], [["1\n2"]]).lines(80)) == ["a", "1 2"]


@given(
    st.lists(st.lists(st.text(max_size=60), min_size=4, max_size=4), max_size=5),
    st.integers(40, 200),
)
@settings(deadline=None)
def test_every_line_fits(rows: list[list[str]], width: int) -> None:
    assert all(len(line) <= width for line in Table(["a", "b", "c", "d"], rows).lines(width))


@given(st.text(max_size=30), st.integers(1, 30))
def test_what_is_cut_says_so(text: str, size: int) -> None:
    shown = cut(text, size)
    assert len(shown) <= size
    assert shown == text or shown.endswith("…")
