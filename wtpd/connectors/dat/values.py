"""What DAT is asked and what it answers, as values; pure, and without XML, so that everybody may know them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Restriction = Literal["ALL", "REPAIR", "APPRAISAL"]
"""All data, or only vehicles that can be calculated (repair) or valued (appraisal)."""

CODE_LENGTH = 15

_COUNTRIES = {"de": ("DE", "AT", "CH"), "nl": ("NL", "BE"), "en": ("US",)}
"""DAT takes only idioms such as de-AT: by language the countries that it goes with, the usual one first."""


@dataclass(frozen=True, slots=True)
class Locale:
    """`market`: whose data; `country` and `language`: the texts' language."""

    country: str
    market: str
    language: str

    @classmethod
    def of(cls, language: str, market: str) -> Locale:
        """Texts in `language` (de, nl, en) about vehicles of the country `market`."""
        countries = _COUNTRIES.get(language, _COUNTRIES["en"])
        country = market if market in countries else countries[0]
        return cls(country, market, language if language in _COUNTRIES else "en")


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """What a token is made of; it shows itself to nobody. The interface partner is the customer itself."""

    customer_number: str
    user_name: str
    password: str
    signature: str

    def __repr__(self) -> str:
        return "Login(***)"


@dataclass(frozen=True, slots=True, kw_only=True)
class EquipmentPosition:
    """One piece of equipment; a package holds others. `price`: when new, in cents, with VAT."""

    dat_id: int | None = None
    description: str = ""
    manufacturer_id: str = ""
    manufacturer_description: str = ""
    group: str = ""
    price: int | None = None
    contained: tuple[EquipmentPosition, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A manufacturer's code with its text: equipment that DAT didn't assign, a colour."""

    code: str
    text: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """One vehicle that DAT takes the VIN for. `datecode` (DAT €uropa-Code), `container` (market index) and
    `construction_time` (in DAT's own counting) name it in all further calls. `accuracy`: 0 is the most probable."""

    datecode: str = ""
    container: str = ""
    construction_time: int | None = None
    construction_from: int | None = None
    construction_to: int | None = None
    price_list_time: int | None = None
    manufacturer: str = ""
    base_model: str = ""
    sub_model: str = ""
    model_group: str = ""
    vehicle_type: str = ""
    container_name: str = ""
    release: str = ""
    accuracy: int | None = None
    vin: str = ""
    kba_numbers: tuple[str, ...] = ()
    colours: tuple[Code, ...] = ()
    series: tuple[EquipmentPosition, ...] = ()
    special: tuple[EquipmentPosition, ...] = ()
    coded: tuple[EquipmentPosition, ...] = ()
    """What the DAT €uropa-Code itself says: engine, body, gearbox."""
    unassigned: tuple[Code, ...] = ()
    """What the manufacturer reports, by its own codes."""

    @property
    def is_complete(self) -> bool:
        """The code names one vehicle; in an incomplete one the variant is 0000."""
        return len(self.datecode) == CODE_LENGTH and not self.datecode.endswith("0000")


@dataclass(frozen=True, slots=True)
class Fault:
    """A SOAP 1.1 fault. `code` is without its prefixes, e.g. `Server.valueNotFound`; `text` is for people only: it
    changes. `card`: the vehicles without a complete code that a data card in the fault holds; None if there is none."""

    code: str
    text: str
    card: tuple[Dossier, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Identification:
    """The answer to a VIN query: the most probable vehicle first. `card`: it came as a data card ("ECode not found"),
    so no vehicle is complete; `fault` is the fault's code and text."""

    dossiers: tuple[Dossier, ...]
    card: bool = False
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Prices in cents of `currency`, without and with VAT; the original price is the one when new."""

    sales: int | None
    sales_gross: int | None
    purchase: int | None
    purchase_gross: int | None
    original_gross: int | None = None
    currency: str = "EUR"
    data_month: str = ""
