"""What DAT is asked and what it answers, as values; pure, and without XML, so that everybody may know them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from wtpd.vehicle_data.records import Taxation

CODE_LENGTH = 15

_COUNTRIES = {"de": ("DE", "AT", "CH"), "nl": ("NL",), "en": ("US",)}
"""DAT takes only idioms that it lists, such as de-AT: by language the countries that it goes with, the usual one first.
nl-BE isn't listed, so texts for Belgium come as nl-NL, about vehicles of the Belgian market."""


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
    """What a token is made of; it shows itself to nobody. `partner_number` and `signature` are those that DAT gave to
    the maker of the software (`is_partner`), else the customer's own."""

    customer_number: str
    user_name: str
    password: str
    partner_number: str
    signature: str
    is_partner: bool

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
    """A manufacturer's code with its text: equipment, or a colour. `dat_id`: DAT's own number of that equipment, where
    it has one."""

    code: str
    text: str = ""
    kind: str = ""
    dat_id: int | None = None


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
    car_code: str = ""
    engine_code: str = ""
    transmission_code: str = ""
    """The manufacturer's codes of the car, its engine and its gearbox."""
    paint_types: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        """The code names one vehicle; in an incomplete one the variant is 0000."""
        return len(self.datecode) == CODE_LENGTH and not self.datecode.endswith("0000")

    @property
    def extras(self) -> tuple[int, ...]:
        """DAT's numbers of the special equipment. A package stands for what it contains, unless DAT has no number for
        the package."""
        return tuple(dict.fromkeys(_numbers(self.special)))


def _numbers(positions: tuple[EquipmentPosition, ...]) -> Iterator[int]:
    for one in positions:
        if one.dat_id is not None:
            yield one.dat_id
        else:
            yield from _numbers(one.contained)


@dataclass(frozen=True, slots=True)
class Fault:
    """A SOAP 1.1 fault. `code` is without its prefixes, e.g. `Server.valueNotFound`; `text` is for people only: it
    changes. `card`: the vehicles without a complete code that a data card in the fault holds; None if there is none, or
    if it can't be read (`has_broken_card`)."""

    code: str
    text: str
    card: tuple[Dossier, ...] | None = None
    has_broken_card: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Identification:
    """The answer to a VIN query: the most probable vehicle first. `card`: it came as a data card ("ECode not found"),
    so no vehicle is complete. `fault`: code and text of the fault that is the answer, with a card or without data."""

    dossiers: tuple[Dossier, ...]
    card: bool = False
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Valuation:
    """What a vehicle is valued by. `mileage` in km, `registered`: first registration, `extras`: DAT's numbers of the
    special equipment, `vin`: 17 characters or empty."""

    datecode: str
    container: str
    construction_time: int
    mileage: int
    registered: date
    extras: tuple[int, ...] = ()
    vin: str = ""
    taxation: Taxation | None = None
