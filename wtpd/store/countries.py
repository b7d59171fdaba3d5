"""The countries of the sites, in which telephone numbers and plates are read (spec: planner.md, 7).

A blank country means the country of the site through which the customer came, else the only country of the house. In
a house with sites in several countries a customer of no known site has keys for numbers with a country code only. The
countries are kept in the database with the keys that were made in them: where the configuration says others, all keys
are made again, in portions (`wtpd.store.rekeying`).
"""

from __future__ import annotations

from collections.abc import Mapping

from wtpd.store.database import Tx

_MEMO = "countries"
_BEFORE_ANY_SITE = "DE"
"""In a book that no site was set up in yet."""


def keep(tx: Tx, countries: Mapping[str, str]) -> None:
    """Keep the country of each site, as configured. If they differ from those that were kept, all keys are due."""
    known = {row["site"]: row["country"] for row in tx.all("SELECT site, country FROM site_country")}
    if known == countries:
        return
    tx.memo.pop(_MEMO, None)
    tx.run("DELETE FROM site_country")
    tx.run_many("INSERT INTO site_country (site, country) VALUES (?, ?)", sorted(countries.items()))
    if set(known.values()) | set(countries.values()) != {_BEFORE_ANY_SITE}:
        tx.run("INSERT INTO rekeying (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET customer = '', vehicle = ''")


def home(tx: Tx, site: str | None = None) -> str:
    """The country that a blank one means, as two letters: that of the site, else the only one of the house; "" where
    it can't be known."""
    of_sites, only = tx.memo.get(_MEMO) or _countries(tx)
    return of_sites.get(site, only) if site else only


def _countries(tx: Tx) -> tuple[dict[str, str], str]:
    """The country of each site, and the only one of the house, read once in a transaction."""
    of_sites = {row["site"]: str(row["country"]) for row in tx.all("SELECT site, country FROM site_country")}
    different = set(of_sites.values()) or {_BEFORE_ANY_SITE}
    found = of_sites, different.pop() if len(different) == 1 else ""
    tx.memo[_MEMO] = found
    return found


def all_of(tx: Tx) -> list[str]:
    """The countries of the house, each once."""
    rows = tx.all("SELECT DISTINCT country FROM site_country ORDER BY country")
    return [str(row["country"]) for row in rows] or [_BEFORE_ANY_SITE]
