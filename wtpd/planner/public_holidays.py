"""Public holidays by country and state or province, from the `holidays` library, which is imported when first asked."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from pathlib import Path
from types import ModuleType

_IMPORTING = threading.Lock()


_LANGUAGES = {"DE": "de", "NL": "nl"}
"""Of the names; other countries have those of the library."""
_NO_DAY_OFF = {"NL": frozenset({"Goede vrijdag"})}
"""Holidays by law on which people work: rijksoverheid.nl, "Officiële feestdagen"."""


@lru_cache(maxsize=64)
def holidays_of(country: str, region: str | None, year: int) -> Mapping[date, str]:
    """Day → name. Those of the whole country where the library knows no such region (Dutch provinces have none);
    none for a country it doesn't know."""
    try:
        return _days(country, region, year)
    except NotImplementedError:
        return holidays_of(country, None, year) if region else {}


def _days(country: str, region: str | None, year: int) -> Mapping[date, str]:
    """With the first country, the library would import all 250 of them (7 MB, 60 ms): their package imports each. An
    empty package in its place lets it import the one that is asked for."""
    import holidays

    name = "holidays.countries"
    bare = ModuleType(name)
    bare.__path__ = [str(Path(holidays.__file__).parent / "countries")]
    with _IMPORTING:
        placed = sys.modules.setdefault(name, bare)
        try:
            days = holidays.country_holidays(country, subdiv=region, years=year, language=_LANGUAGES.get(country))
            worked = _NO_DAY_OFF.get(country, frozenset())
            return {day: name for day, name in days.items() if name not in worked}
        finally:
            if placed is bare:
                del sys.modules[name]
