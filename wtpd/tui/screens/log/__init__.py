"""F7: the daemon's log, live, the newest line at the bottom (spec: tui.md, 7). The lines are English, as in the
journal."""

from wtpd.tui.screens.log.page import Log

__all__ = ["Log"]
