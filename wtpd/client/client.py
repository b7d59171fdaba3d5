"""The client as CLI, TUI and demo use it."""

from __future__ import annotations

import base64
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wtpd.client.events import Event, follow
from wtpd.client.http import DEFAULT_SOCKET, IMPORT, LONG, Http, Json
from wtpd.client.listener import Listener, Tokens
from wtpd.client.live import Log, Messages, Presence
from wtpd.client.records import Appointments, Closures, Collection, Customers, Vehicles
from wtpd.client.rentals import Rentals
from wtpd.client.resource import items
from wtpd.client.resources import Attention, Configuration, Connectors, Credentials, Mails, Mappings

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self


class Client:
    """A connection to the daemon; one per event loop, shared by all its tasks. `patience` is how many seconds an
    answer may take (runs, imports and mapping changes: `LONG`). `initials` say who sits there where several people
    share a login (`session()["shared"]`); `door` is `desk`, `cli` or nothing."""

    def __init__(
        self,
        socket: str = DEFAULT_SOCKET,
        *,
        language: str = "en",
        patience: float = 30.0,
        initials: str = "",
        door: str = "",
    ) -> None:
        self._http = http = Http(socket, language=language, patience=patience, initials=initials, door=door)
        self.appointments = Appointments(http, "/v1/appointments")
        self.customers = Customers(http, "/v1/customers")
        self.vehicles = Vehicles(http, "/v1/vehicles")
        self.advisors = Collection(http, "/v1/advisors")
        self.courtesy_cars = Collection(http, "/v1/courtesy-cars")
        self.closures = Closures(http, "/v1/closures")
        self.connectors = Connectors(http, "/v1/connectors")
        self.attention = Attention(http, "/v1/attention")
        self.credentials = Credentials(http, "/v1/credentials")
        self.mails = Mails(http, "/v1/mail")
        self.listener = Listener(http)
        self.tokens = Tokens(http, "/v1/tokens")
        self.assessors = Collection(http, "/v1/assessors")
        self.users = Collection(http, "/v1/users")
        self.config = Configuration(http, "/v1/config")
        self.mapping = Mappings(http, "/v1/mapping")
        self.rentals = Rentals(http)
        self.presence = Presence(http, "/v1/presence")
        self.log = Log(http, "/v1/log")
        self.messages = Messages(http, "/v1/messages")

    @property
    def socket(self) -> str:
        return self._http.socket

    @property
    def initials(self) -> str:
        return self._http.initials

    @initials.setter
    def initials(self, initials: str) -> None:
        """From now on; they count for writes and for presence."""
        self._http.initials = initials

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of the connections; the client can be used again afterwards."""
        await self._http.close()

    async def status(self) -> Json:
        """What is wrong first, then connectors, version, disk, database, mail queue."""
        status: Json = await self._http.get("/v1/status")
        return status

    async def session(self) -> Json:
        """Who the daemon takes us for: `user`, `role`, `shared`; and `language`, `box`, `version`, `time`."""
        session: Json = await self._http.get("/v1/session")
        return session

    async def actions(self) -> list[Json]:
        """What connectors offer to do, with the fields of a form for each."""
        return items(await self._http.get("/v1/actions"))

    async def act(self, action: Mapping[str, Any], record_id: str, values: Mapping[str, Any]) -> Json:
        """Do one of `actions()`, to whose `confirm` somebody agreed. `record_id`: of what it is done to, or the text of
        a search; `values`: what stands in the fields of its form, texts as they were typed and flags as booleans."""
        forms = {field["name"]: field["form"] for field in action["fields"]}
        typed = {
            name: int(value) if forms.get(name) == "digits" and _is_number(value) else value
            for name, value in values.items()
            if value not in (None, "", False)
        }
        return await self.connectors.act(action["connector"], action["name"], typed, on=record_id, confirmed=True)

    async def trace(self, q: str) -> list[Json]:
        """The appointments that `q` leads to: plate, name, number, a partner's number, an idempotency key, a message's
        number; then messages (`message`) of that partner's number that led to none."""
        return items(await self._http.get("/v1/trace", q=q))

    async def partner_records(self, kind: str, record_id: str) -> list[Json]:
        """The partners' own ids of a `customer`, a `vehicle` or, as `order`, an appointment."""
        return items(await self._http.get("/v1/partner-records", kind=kind, record_id=record_id))

    async def sites(self) -> list[Json]:
        return items(await self._http.get("/v1/sites"))

    async def availability(self, site: str, department: str, start: str, end: str) -> list[Json]:
        """What can be booked from day `start` to day `end`."""
        query = {"site": site, "department": department, "from": start, "to": end}
        return items(await self._http.get("/v1/availability", **query))

    async def reception(self, site: str, start: str, end: str, *, department: str | None = None) -> list[Json]:
        """The load of each day from `start` to `end` (62 at most), department by department."""
        query = {"site": site, "from": start, "to": end, "department": department}
        return items(await self._http.get("/v1/reception", **query))

    async def import_files(self, files: Mapping[str, bytes | Path], *, kind: str | None = None) -> Json:
        """The files of `wtpd import` by name, all or nothing: counts, or `ApiProblem` with one error per bad line.
        Files given by their paths are uploaded first, `wtpd.client.limits.UPLOAD_LIMIT` bytes each at most."""
        body: list[Json] = []
        for name, content in files.items():
            entry: Json = {"name": name} | ({"kind": kind} if kind else {})
            if isinstance(content, Path):
                entry["upload"] = str(uuid.uuid4())
                await self._http.put(f"/v1/import/uploads/{entry['upload']}", content, patience=LONG)
            else:
                entry["content"] = base64.b64encode(content).decode()
            body.append(entry)
        counts: Json = await self._http.post("/v1/import", {"files": body}, patience=IMPORT)
        return counts

    async def import_progress(self) -> Json:
        """How far the import is that is under way: `phase` (`idle`, `reading`, `checking`, `writing`, `telling`),
        `done` and `total`."""
        progress: Json = await self._http.get("/v1/import/progress")
        return progress

    def events(
        self,
        last_id: str | None = None,
        *,
        kinds: str = "",
        client: str = "",
        connected: Callable[[bool], None] = lambda up: None,
    ) -> AsyncIterator[Event]:
        """What happens, for ever; `kinds` such as `appointment.*,attention.opened` chooses; `*` is everything but
        `log.line`, which comes only to whoever names it. `client` is the uuid that `presence` uses too: what was put
        there is put again when the stream comes back. After a lost connection it goes on behind the last event by
        itself; who was away for too long gets the event `reset` (load anew). `connected` is told each time the stream
        comes and goes. Raises only `ApiProblem`."""
        return follow(self._http, last_id, kinds, client, connected, self.presence.again)


def _is_number(value: Any) -> bool:
    text = str(value)
    return text.isascii() and text.isdigit() and len(text) < 19
