"""A page about one appointment, as the forms and the history see it."""

from __future__ import annotations

from wtpd.tui.page import Page
from wtpd.tui.screens.appointment.loaded import Loaded


class OneAppointment(Page):
    def __init__(self, appointment_id: str) -> None:
        super().__init__()
        self.appointment_id = appointment_id
        self._loaded: Loaded | None = None

    @property
    def loaded_one(self) -> Loaded:
        """What was fetched; only once something was."""
        if self._loaded is None:
            raise RuntimeError("nothing was loaded yet")
        return self._loaded
