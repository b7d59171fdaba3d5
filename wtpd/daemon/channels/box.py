"""The channels of connectors that aren't mapped by site: one for the whole box each, with its state (DAT, RDW).

Such a connector makes no runs. Its state comes from the settings, from how its credentials were taken, and from the
last answer to what wtpd asks by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from wtpd.channel.health import Condition, State
from wtpd.clock import Clock
from wtpd.config.model import Config
from wtpd.connectors.manifest import Manifest
from wtpd.daemon.fleet import Seat
from wtpd.daemon.holdings import Holdings
from wtpd.texts import N_, Text
from wtpd.words import SCREENS


@dataclass(frozen=True, slots=True)
class Failing:
    """wtpd's own questions have failed since then."""

    since: datetime
    reason: Text


class BoxChannels:
    """`failing`: by connector name, the failure of what wtpd asks by itself, None while all is well."""

    def __init__(
        self,
        manifests: Iterable[Manifest],
        config: Callable[[], Config],
        holdings: Holdings,
        clock: Clock,
        failing: Callable[[str], Failing | None],
    ) -> None:
        self.manifests = {one.name: one for one in manifests if one.mapping is None}
        self._config = config
        self._holdings = holdings
        self._clock = clock
        self._failing = failing
        self._since: dict[str, tuple[State, datetime]] = {}

    @property
    def seats(self) -> Sequence[Seat]:
        """In alphabetical order, with their conditions of this moment."""
        return [
            Seat(
                id=one.name, connector=one.name, site="", title=one.title, account=None, department=None,
                condition=self._condition(one), running=None, last_success=self._holdings.last_good(one.name),
            )
            for one in self.manifests.values()
        ]  # fmt: skip

    @property
    def failing(self) -> Sequence[Seat]:
        """Those whose partner can't be asked. A refused login is told of its entry."""
        return [seat for seat in self.seats if seat.condition.state is State.RETRYING]

    def _condition(self, manifest: Manifest) -> Condition:
        state, reason = self._state(manifest)
        known = self._since.get(manifest.name)
        if known is None or known[0] is not state:
            known = self._since[manifest.name] = state, self._clock.now()
        failing = self._failing(manifest.name) if state is State.RETRYING else None
        return Condition(state=state, since=failing.since if failing else known[1], reason=reason)

    def _state(self, manifest: Manifest) -> tuple[State, Text | None]:
        config, provider = self._config(), manifest.provider
        settings = config.connectors.get(manifest.name)
        if manifest.module is not None and manifest.module not in config.modules:
            return State.NOT_LICENSED, N_("the module {module} isn't licensed on this box", module=manifest.module)
        enabled = not manifest.is_off_by_default if settings is None else settings.enabled
        if not enabled:
            text = N_("switched off in wtpd.yaml (connectors.{connector}.enabled)", connector=manifest.name)
            return State.DISABLED, text
        if manifest.countries and not any(site.country in manifest.countries for site in config.sites):
            return State.NOT_AVAILABLE, N_("no site is in {countries}", countries=", ".join(manifest.countries))
        if manifest.capabilities == {"receives"} and not config.listener.enabled:
            return State.DISABLED, N_("the listener is switched off in wtpd.yaml (listener.enabled)")
        if provider is not None and not provider.is_optional and not self._holdings.has(manifest.name):
            screen = SCREENS["credentials"]
            text = N_("no credentials of {title} yet: wtpd tui → {screen}", title=manifest.title, screen=screen)
            return State.NOT_MAPPED, text
        if (unusable := self._holdings.unusable(manifest.name)) is not None:
            return State.NEEDS_TOKEN, unusable
        if (failing := self._failing(manifest.name)) is not None:
            return State.RETRYING, failing.reason
        return State.HEALTHY, None
