"""F4: what partners want from the dealership, for whom it is stored, and how good it is (spec: credentials.md)."""

from wtpd.tui.screens.credentials.credentials import Credentials

__all__ = ["Credentials"]
