"""The keys of `connectors.dat` in wtpd.yaml."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from wtpd.config.model import ConnectorSettings, Section
from wtpd.config.names import unknown
from wtpd.connectors.dat.products import KEYS
from wtpd.texts import N_, Text

ProductName = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z][A-Za-z0-9]{0,39}(:[A-Za-z0-9][A-Za-z0-9._-]{0,63})?$(?!\n)",
        examples=["valuateExpert", "silverDatPro:DAT"],
    ),
]


class Products(Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which of the partner's products does what; after a colon another product variant."""

    identification: Annotated[
        ProductName | None, Meta(description="product that identifies vehicles; without it the partner's usual one")
    ] = None
    valuation: Annotated[
        ProductName | None, Meta(description="product that values vehicles; without it the partner's usual one")
    ] = None


class DatSettings(ConnectorSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How DAT is asked."""

    products: Products = Products()

    def problems(self) -> Iterator[tuple[tuple[str, ...], Text]]:
        for key, setting in (("identification", self.products.identification), ("valuation", self.products.valuation)):
            name = "" if setting is None else setting.partition(":")[0]
            if name and name not in KEYS:
                yield ("products", key), unknown(N_("product"), name, KEYS)
