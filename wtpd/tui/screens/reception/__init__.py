"""The reception desk: the day of a site, its week, and the search over all days."""

from wtpd.tui.screens.reception.day import Reception

__all__ = ["Reception"]
