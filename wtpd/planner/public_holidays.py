"""Public holidays by country and state or province, from the `holidays` library, which is imported when first asked."""

from __future__ import annotations

import sys
import threading
from datetime import date
from functools import lru_cache
from pathlib import Path
from types import ModuleType

_IMPORTING = threading.Lock()


@lru_cache(maxsize=64)
def holidays_of(country: str, region: str | None, year: int) -> frozenset[date]:
    """Those of the whole country where the library knows no such region (the Dutch provinces have none of their own);
    none for a country it doesn't know."""
    try:
        return _days(country, region, year)
    except NotImplementedError:
        return holidays_of(country, None, year) if region else frozenset()


def _days(country: str, region: str | None, year: int) -> frozenset[date]:
    """With the first country, the library would import all 250 of them (7 MB, 60 ms): their package imports each. An
    empty package in its place lets it import the one that is asked for."""
    import holidays

    name = "holidays.countries"
    bare = ModuleType(name)
    bare.__path__ = [str(Path(holidays.__file__).parent / "countries")]
    with _IMPORTING:
        placed = sys.modules.setdefault(name, bare)
        try:
            return frozenset(holidays.country_holidays(country, subdiv=region, years=year))
        finally:
            if placed is bare:
                del sys.modules[name]
