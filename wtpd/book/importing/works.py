"""A visit's pieces of work from parallel cells: codes, titles and prices side by side, AW as one sum.

The sum is shared out in proportion to what each piece takes where it stands alone in the same import; if one of them
never does, in equal parts. Each share is rounded to hundredths so that together they are exactly the sum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from wtpd.book.importing.files import Row
from wtpd.book.importing.values import Wrong
from wtpd.planner.appointment import Intervention
from wtpd.texts import N_

Usual = Mapping[str, float]
"""AW that a piece of work takes on the average where it stands alone, by code or title."""


class WrongField(Wrong):
    """As `Wrong`, of one of several cells."""

    def __init__(self, field: str, wrong: Wrong) -> None:
        super().__init__(wrong.text)
        self.field = field


class UsualUnits:
    """What each piece of work takes on the average where it stands alone."""

    def __init__(self) -> None:
        self._sums: dict[str, tuple[float, int]] = {}

    def count(self, row: Row) -> None:
        names, units = _names(row), row.values.get("labour_units", ())
        if len(names) == len(units) == 1 and units[0]:
            total, count = self._sums.get(names[0], (0.0, 0))
            self._sums[names[0]] = total + units[0], count + 1

    def means(self) -> Usual:
        return {name: total / count for name, (total, count) in self._sums.items()}


def interventions(row: Row, usual: Usual) -> tuple[Intervention, ...]:
    """The pieces of work in order. Raises `WrongField` where the cells don't go together."""
    if "interventions" in row.values:
        return tuple(row.values["interventions"])
    codes, titles = row.values.get("codes", ()), row.values.get("titles", ())
    names = _names(row)
    if codes and titles:
        _same_count(row, "titles", len(titles), len(codes))
    prices = row.values.get("prices", ()) or (None,) * len(names)
    _same_count(row, "prices", len(prices), len(names))
    units = row.values.get("labour_units", ())
    if len(units) == 1 and len(names) > 1:
        units = shared(units[0] or 0, [usual.get(name, 0) for name in names])
    units = units or (0,) * len(names)
    _same_count(row, "labour_units", len(units), len(names))
    return tuple(
        Intervention(
            code=codes[place] if codes else "",
            title=(titles[place] if titles else "") or names[place],
            labour_units=units[place] or 0,
            price_cents=prices[place],
        )
        for place in range(len(names))
    )


def completed(row: Row, found: Sequence[Intervention], before: Sequence[Intervention]) -> tuple[Intervention, ...]:
    """What a list has no column for stays as it was, in a piece of work that was there before."""
    if "interventions" in row.values:
        return tuple(found)
    known = {_name(work): work for work in before}
    priced, timed = "prices" in row.values, "labour_units" in row.values and not _same_sum(row, found, before)
    return tuple(
        replace(
            work,
            description=was.description,
            labour_units=work.labour_units if timed else was.labour_units,
            price_cents=work.price_cents if priced else was.price_cents,
        )
        for work in found
        for was in [known.get(_name(work), work)]
    )


def _same_sum(row: Row, found: Sequence[Intervention], before: Sequence[Intervention]) -> bool:
    """The same work with the same AW together: how they were shared out, from whatever list, is as good as ever."""
    if len(row.values["labour_units"]) != 1 or [_name(work) for work in found] != [_name(work) for work in before]:
        return False
    return round(sum(work.labour_units for work in found), 2) == round(sum(work.labour_units for work in before), 2)


def _name(work: Intervention) -> tuple[str, str]:
    return work.code, work.title


def shared(total: float, weights: Sequence[float]) -> tuple[float, ...]:
    """`total` in proportion to the weights (equally if one is 0), in hundredths that add up to it."""
    if not all(weight > 0 for weight in weights):
        weights = [1.0] * len(weights)
    whole, hundredths = sum(weights), round(total * 100)
    so_far, given, shares = 0.0, 0, []
    for weight in weights:
        so_far += weight
        share = round(hundredths * so_far / whole) - given
        given += share
        shares.append(share / 100)
    return tuple(shares)


def _names(row: Row) -> tuple[str, ...]:
    names: tuple[str, ...] = row.values.get("codes", ()) or row.values.get("titles", ())
    return names


def _same_count(row: Row, field: str, found: int, expected: int) -> None:
    if found != expected:
        text = N_("{found} values for {expected} pieces of work; each needs its own", found=found, expected=expected)
        raise WrongField(field, Wrong(text))
