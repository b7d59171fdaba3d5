"""`PUT /v1/presence/{client}`: say what one looks at or changes just now, and learn who else is there."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from wtpd.daemon.api.call import Answer, Call, Role, answer
from wtpd.daemon.api.errors import wrong
from wtpd.daemon.api.events import CLIENT
from wtpd.daemon.api.routes import Route
from wtpd.daemon.presence import Presence
from wtpd.texts import N_


class PresenceInput(Struct, frozen=True, forbid_unknown_fields=True):
    """`what`: the screen and what stands on it, e.g. `mapping/rostock/superservice`; null: nothing that others should
    know of. `editing`: there are changes that aren't saved yet."""

    what: Annotated[str, Meta(min_length=1, max_length=200)] | None
    editing: bool = False


class OtherView(Struct, frozen=True):
    who: str
    editing: bool
    since: datetime


class OthersView(Struct, frozen=True):
    """Who else is there, in the order in which they came. Later changes come as the event `presence.changed`."""

    others: list[OtherView]


class PresenceRoutes:
    """The entry lives as long as the client's event stream (`GET /v1/events?client=`)."""

    def __init__(self, presence: Presence) -> None:
        self._presence = presence

    def routes(self) -> list[Route]:
        return [
            Route(
                method="PUT", path="/v1/presence/{client}", role=Role.READ, handler=self.put, body=PresenceInput,
                result=OthersView, summary="Say what one looks at just now",
            )
        ]  # fmt: skip

    async def put(self, call: Call) -> Answer:
        client = call.params["client"]
        if not re.fullmatch(CLIENT, client):
            raise wrong("client", N_("This doesn't have the right form."))
        wanted: PresenceInput = call.body
        key = (call.caller.uid, client)
        others = self._presence.put(key, call.author.actor, wanted.what, editing=wanted.editing)
        return answer(OthersView([OtherView(one.who, one.editing, one.since) for one in others]))
