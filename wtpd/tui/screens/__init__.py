"""The screens, in the order of their function keys (`wtpd.words.SCREENS`). A new one is a file and a line here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wtpd.tui.page import Page

_PLACES = {
    "overview": "overview:Overview",
    "reception": "reception:Reception",
    "mapping": "mapping:Mapping",
    "credentials": "credentials:Credentials",
    "attention": "attention.page:Attention",
    "customers": "customers.search:Customers",
    "log": "log:Log",
    "trace": "trace:Trace",
}


def screens() -> Iterator[tuple[str, Callable[[], Page]]]:
    """Name and maker; a screen is imported when it is opened."""
    for name, place in _PLACES.items():
        yield name, _maker(place)


def _maker(place: str) -> Callable[[], Page]:
    def make() -> Page:
        module, _, attribute = place.partition(":")
        page: Page = getattr(import_module(f"wtpd.tui.screens.{module}"), attribute)()
        return page

    return make
