"""`/v1/appointments/{id}/contract`: the contract of the courtesy car, to be printed and signed; text or HTML."""

from __future__ import annotations

import asyncio

from wtpd.book import contract
from wtpd.daemon.api.call import Answer, Call, Role
from wtpd.daemon.api.routes import Route
from wtpd.daemon.reload import Settings
from wtpd.store import appointments
from wtpd.store.database import Database, Tx


class ContractRoutes:
    def __init__(self, db: Database, settings: Settings) -> None:
        self._db = db
        self._settings = settings

    def routes(self) -> list[Route]:
        return [
            Route(
                method="GET", path="/v1/appointments/{id}/contract", role=Role.READ, handler=self.get,
                media_types=("text/plain", "text/html"), summary="The contract of the courtesy car",
            )
        ]  # fmt: skip

    async def get(self, call: Call) -> Answer:
        found = await self._db.read(lambda tx: self._of(tx, call.params["id"]))
        accepted = call.headers.get("accept", "")
        if "text/html" in accepted and not -1 < accepted.find("text/plain") < accepted.find("text/html"):
            page = await asyncio.to_thread(contract.as_html, found, call.language)  # reads its template once
            return Answer(content=page.encode(), media_type="text/html; charset=utf-8")
        text = contract.as_text(found, call.language)
        return Answer(content=text.encode(), media_type="text/plain; charset=utf-8")

    def _of(self, tx: Tx, appointment_id: str) -> contract.Contract:
        site_id = appointments.get(tx, appointment_id).site
        site = next((one for one in self._settings.config.sites if one.id == site_id), None)
        return contract.of_appointment(tx, appointment_id, site)
