"""Joins the vehicle data engine with the connectors, the credential store and the settings in force."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import date
from functools import partial

from wtpd.channel.errors import named
from wtpd.clock import Clock
from wtpd.config.model import Config, ConnectorSettings, Site
from wtpd.connectors.kit.access import ConnectorAccess
from wtpd.connectors.manifest import Manifest, VehicleDataConnector, Verified
from wtpd.daemon.credentials.resolve import Credentials
from wtpd.errors import Invalid, NotFound, Problem, Unavailable
from wtpd.planner.vin import is_short_vin, is_vin, normalise_vin, vin_problem
from wtpd.secrets.resolve import NoCredential, Order
from wtpd.store.database import Database
from wtpd.store.identifications import StoredAnswers
from wtpd.texts import N_
from wtpd.vehicle_data.engine import Engine, Source
from wtpd.vehicle_data.ports import Traits
from wtpd.vehicle_data.records import (
    Chosen,
    Evaluation,
    Found,
    Login,
    Place,
    Query,
    Restriction,
    Taxation,
    Valuation,
)


class VehicleData:
    """All sources of vehicle data. `config` is asked each time, so that changed settings count; `paused`: why a source
    isn't asked though the settings let it work."""

    def __init__(
        self,
        manifests: Collection[Manifest],
        db: Database,
        credentials: Credentials,
        config: Callable[[], Config],
        clock: Clock,
        *,
        paused: Callable[[str], Unavailable | None] = lambda source: None,
    ) -> None:
        self._paused = paused
        self._manifests = {one.name: one for one in manifests if one.vehicle_data is not None}
        self._makers = {one.name: one.vehicle_data for one in manifests if one.vehicle_data is not None}
        self._credentials = credentials
        self._config = config
        self._clock = clock
        self._engine = Engine(StoredAnswers(db), clock)
        self._made: dict[str, tuple[ConnectorSettings, VehicleDataConnector]] = {}
        self._retired: list[VehicleDataConnector] = []
        self._closed = False

    @property
    def names(self) -> list[str]:
        """The connectors that are sources of vehicle data."""
        return list(self._manifests)

    def title(self, source: str) -> str:
        """Of the connector, for people."""
        manifest = self._manifests.get(source)
        return source if manifest is None else manifest.title

    def is_paused(self, source: str) -> bool:
        """Somebody wants it to be left alone."""
        return self._paused(source) is not None

    def is_register(self, source: str) -> bool:
        """It is in use, knows plates, and is asked without a login: asking it costs nothing."""
        try:
            traits = self._connector(self._manifests[source]).traits
        except Unavailable:
            return False
        return traits.by_plate and traits.is_public

    async def identify(
        self,
        vin: str,
        order: Order,
        *,
        source: str | None = None,
        restriction: Restriction = "ALL",
        refresh: bool = False,
    ) -> Found:
        """What the VIN stands for, by `source` (a connector's name) or the first one that knows VINs. `order` says
        whose login is used; `refresh`: ask although an answer is kept, which may cost money.

        Raises `Invalid` for what is no VIN, `NotFound`, `NoCredential`, `Refused` of kind `vin-limit` or
        `unread-answer`, `Unavailable`, and the partner's errors."""
        vin = _checked(vin)
        asked = self._source(source, lambda traits: traits.by_vin)
        return await self._ask(asked, Query(vin=vin, restriction=restriction), order, refresh=refresh)

    async def identify_plate(self, plate: str, order: Order, *, source: str, refresh: bool = False) -> Found:
        """What the plate stands for. Raises like `identify`."""
        asked = self._source(source, lambda traits: traits.by_plate)
        return await self._ask(asked, Query(plate=plate), order, refresh=refresh)

    async def evaluate(
        self, chosen: Chosen, order: Order, *, mileage: int, registered: date, taxation: Taxation | None = None
    ) -> Evaluation:
        """What an identified vehicle is worth, by the source that identified it. Raises `Refused` of kind
        `not-identified`, `NoCredential`, `Unavailable`, and the partner's errors."""
        asked = self._source(chosen.source, lambda traits: traits.values)
        wanted = Valuation(
            reference=chosen.reference,
            mileage=mileage,
            registered=registered,
            vin=chosen.vin if is_vin(chosen.vin) else "",
            taxation=taxation,
        )
        login = await self._login(asked, order)
        with named(asked.title):
            return await self._engine.evaluate(asked, wanted, login, self._place(order))

    async def verify(self, source: str, fields: Mapping[str, str]) -> Verified:
        """Try a login; costs nothing. Raises the partner's errors."""
        return await self._connector(self._manifests[source]).verify(fields, self._place(Order()))

    async def close(self) -> None:
        """End what is under way; safe to call twice."""
        self._closed = True
        await self._engine.close()
        connectors = [*self._retired, *(connector for _, connector in self._made.values())]
        self._retired, self._made = [], {}
        for connector in connectors:
            await connector.close()

    async def _ask(self, source: Source, query: Query, order: Order, *, refresh: bool) -> Found:
        login = await self._login(source, order)
        with named(source.title):
            return await self._engine.identify(source, query, login, self._place(order), refresh=refresh)

    def _source(self, name: str | None, can: Callable[[Traits], bool]) -> Source:
        """The source of that name, or the first one in force that can do it. Raises `NotFound`, `Unavailable`."""
        if name is not None and name not in self._manifests:
            raise NotFound(N_("There is no source of vehicle data {name}.", name=name))
        refusal: Unavailable | None = None
        for manifest in self._manifests.values() if name is None else [self._manifests[name]]:
            try:
                connector = self._connector(manifest)
            except Unavailable as error:
                refusal = refusal or error
                continue
            if can(connector.traits) and (paused := self._paused(manifest.name)) is not None:
                refusal = paused
                continue
            if can(connector.traits):
                return Source(manifest.name, manifest.title, connector)
        raise refusal or NotFound(N_("No source of vehicle data can do this."))

    async def _login(self, source: Source, order: Order) -> Login:
        """Raises `NoCredential`; a public source is asked without a login then."""
        try:
            scope, fields = await self._credentials.of_order(source.name, order)
        except NoCredential:
            if not source.connector.traits.is_public:
                raise
            return Login({}, _noted_nowhere)
        return Login(fields, partial(self._credentials.note_use, source.name, scope), scope)

    async def _secrets(self, name: str) -> Mapping[str, str]:
        """Of the entry that serves an order of nobody in particular."""
        return (await self._credentials.of_order(name, Order()))[1]

    def _place(self, order: Order) -> Place:
        """Of the order's office, else of the first one; not of whoever asks: each language is a question of its own."""
        config = self._config()
        site: Site | None = next((one for one in config.sites if one.id == order.office), None)
        site = site or next(iter(config.sites), None)
        return Place((site and site.language) or config.language, site.country if site else "DE")

    def _connector(self, manifest: Manifest) -> VehicleDataConnector:
        """The connector for the settings in force. Raises `Unavailable`."""
        if self._closed:
            raise Unavailable(N_("The service is stopping."), kind="stopping")
        found = self._config().connectors.get(manifest.name)
        if found is None and manifest.is_off_by_default:
            raise Unavailable(
                N_(
                    "{partner} is off; to use it, put connectors.{connector}.enabled: true into wtpd.yaml.",
                    partner=manifest.title, connector=manifest.name,
                ),
                kind="disabled",
            )  # fmt: skip
        settings = found or manifest.settings()
        if not settings.enabled:
            raise Unavailable(
                N_(
                    "{partner} is switched off in wtpd.yaml (connectors.{connector}.enabled).",
                    partner=manifest.title, connector=manifest.name,
                ),
                kind="disabled",
            )  # fmt: skip
        made = self._made.get(manifest.name)
        if made is not None and made[0] == settings:
            return made[1]
        if made is not None:
            self._retired.append(made[1])  # something may be under way
        connector = self._makers[manifest.name](
            ConnectorAccess(manifest.name, settings, self._clock, partial(self._secrets, manifest.name))
        )
        self._made[manifest.name] = settings, connector
        return connector


async def _noted_nowhere(result: str) -> None:
    """There is no entry whose use could be noted."""


def _checked(vin: str) -> str:
    found = normalise_vin(vin)
    wrong = None if is_short_vin(found) else vin_problem(found)
    if wrong is not None:
        raise Invalid(wrong, problems=[Problem("vin", wrong)])
    return found
