"""`GET /v1/session`: who the daemon takes the caller for, so that a screen says what isn't allowed before a key is
pressed, and asks for initials where several people share a login."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from wtpd.clock import Clock
from wtpd.daemon.api.call import Answer, Call, Role, answer
from wtpd.daemon.api.routes import Route
from wtpd.daemon.reload import Settings


class SessionView(Struct, frozen=True, kw_only=True):
    """`shared`: several people use this login (`api.shared_logins`). `language`: the box's own."""

    user: str
    role: Role
    shared: bool
    language: str
    box: str
    version: str
    time: datetime


class SessionRoutes:
    def __init__(self, settings: Settings, *, clock: Clock, version: str) -> None:
        self._settings = settings
        self._clock = clock
        self._version = version

    def routes(self) -> list[Route]:
        return [
            Route(
                method="GET", path="/v1/session", role=Role.READ, handler=self.get, result=SessionView,
                summary="Who the caller is, and what they may do",
            )
        ]  # fmt: skip

    async def get(self, call: Call) -> Answer:
        config = self._settings.config
        view = SessionView(
            user=call.caller.name,
            role=call.caller.role or Role.READ,
            shared=call.caller.name in config.api.shared_logins,
            language=config.language,
            box=config.box.name,
            version=self._version,
            time=self._clock.now(),
        )
        return answer(view)
