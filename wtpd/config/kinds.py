"""Which keys the sections of each connector have in `wtpd.yaml`: those that its manifest declares."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from wtpd.config.model import ConnectorSettings, PartnerMapping


class Declaring(Protocol):
    """A manifest as far as its keys go."""

    @property
    def name(self) -> str: ...
    @property
    def settings(self) -> type[ConnectorSettings]: ...
    @property
    def mapping(self) -> type[PartnerMapping] | None: ...


@dataclass(frozen=True)
class Kinds:
    """The types of `connectors.NAME` and of `sites.SITE.partners.NAME`, by connector; hashable, so that the schema made
    of it is made once."""

    all_settings: tuple[tuple[str, type[ConnectorSettings]], ...] = ()
    all_mappings: tuple[tuple[str, type[PartnerMapping]], ...] = ()

    @classmethod
    def of(cls, manifests: Iterable[Declaring]) -> Kinds:
        known = sorted(manifests, key=lambda one: one.name)
        return cls(
            tuple((one.name, one.settings) for one in known),
            tuple((one.name, one.mapping) for one in known if one.mapping is not None),
        )

    @cached_property
    def settings(self) -> dict[str, type[ConnectorSettings]]:
        return dict(self.all_settings)

    @cached_property
    def mappings(self) -> dict[str, type[PartnerMapping]]:
        return dict(self.all_mappings)

    @cached_property
    def keys(self) -> frozenset[str]:
        """Every key that some connector has."""
        return frozenset(key for _, one in self.all_settings for key in one.__struct_fields__)


NOTHING = Kinds()
"""No connector is known: their sections may hold anything, and nothing is read of it."""
