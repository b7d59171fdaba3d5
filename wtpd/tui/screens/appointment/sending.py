"""Having an appointment sent to its partners again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wtpd.texts import N_
from wtpd.tui.widgets.dialogs import Confirm

if TYPE_CHECKING:
    from wtpd.tui.page import Page


async def send_again(page: Page, appointment_id: str) -> None:
    """Ask, and have it sent. Must run in a worker."""
    question = N_("Send this appointment again?")
    consequence = N_(
        "The next run fetches what the partner has, merges it with what stands here, and sends what differs; the "
        "partner may tell the customer of it. If both sides agree, nothing is sent."
    )
    if not await page.wtpd.push_screen_wait(Confirm(question, consequence)):
        return
    sent = await page.attempt(page.api.appointments.send(appointment_id))
    if sent is None:
        return
    queued = [one["channel"] for one in sent if one["state"] == "queued"]
    if queued:
        page.tell(N_("On its way again: {channels}.", channels=", ".join(queued)), "ok")
    else:
        page.tell(N_("There is nothing to send: neither side has it any more."))
    page.reload()
