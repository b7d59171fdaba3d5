"""F1: what is wrong, worst first; how every connector is at every site; how the box is (spec: tui.md, 1)."""

from wtpd.tui.screens.overview.overview import Overview

__all__ = ["Overview"]
