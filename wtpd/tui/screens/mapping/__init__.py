"""F3: which department a partner serves at each site, and the versions of the settings."""

from wtpd.tui.screens.mapping.mapping import Mapping

__all__ = ["Mapping"]
