"""One appointment, on top of the screen it was opened from.

open_appointment(self.wtpd, appointment_id)
open_appointment(self.wtpd, appointment_id, section="history")
"""

from __future__ import annotations

from typing import Literal

from wtpd.tui.shell import Shell

Section = Literal["data", "work", "customer", "mobility", "history", "trace"]


def open_appointment(app: Shell, appointment_id: str, section: Section = "data") -> None:
    """Show an appointment on top of the current screen; Esc goes back there."""
    from wtpd.tui.screens.appointment.page import AppointmentPage

    app.push_screen(AppointmentPage(appointment_id, section))
