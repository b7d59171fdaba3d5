"""What DAT's side of the sandbox answers about vehicles: the public test VINs, any VIN of some makes, and faults.

The codes are well-formed but, but for that of `WVWDEXTESTSTUB001`, invented.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path

VXS = "http://www.dat.de/vxs"
SAMPLE = Path(__file__).with_name("samples") / "identification.xml"
SAMPLE_VIN = "WVWDEXTESTSTUB001"


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The answer to one VIN. `count`: as many dossiers. `rich`: with as much equipment as DAT's largest example.
    `card`: they are in a data card. `fault`: a code instead; `empty`: a fault without data; `unreadable`: no SOAP that
    ends."""

    manufacturer: str = ""
    number: int = 0
    model: str = ""
    sub_model: str = ""
    count: int = 1
    rich: bool = False
    card: bool = False
    empty: bool = False
    unreadable: bool = False
    fault: str = ""


_MAKES: Mapping[str, tuple[str, int, str]] = {
    "SJN": ("Nissan", 640, "Qashqai (J11)(02.2014->)"),
    "VSK": ("Nissan", 640, "NV200 (M20)(10.2009->)"),
    "VNV": ("Nissan", 640, "Primastar (X83)(03.2002->)"),
    "JN1": ("Nissan", 640, "X-Trail (T32)(07.2014->)"),
    "VF1": ("Renault", 730, "Clio (KH)(09.2012->)"),
    "WVW": ("Volkswagen", 905, "Golf (5G1)(10.2012->)"),
    "WAU": ("Audi", 60, "A3 (8V1)(06.2012->)"),
    "WBA": ("BMW", 130, "3er Limousine (F30)(02.2012->)"),
    "WF0": ("Ford", 285, "Fiesta (CB1)(06.2008->)"),
    "W0L": ("Opel", 650, "Corsa-D (S-D)(06.2006->)"),
    "VF3": ("Peugeot", 670, "208 (C)(03.2012->)"),
    "TMB": ("Skoda", 800, "Octavia Combi (1Z5)(05.2004->)"),
}
"""By the beginning of the VIN: manufacturer, DAT's number for it, a model."""

_TEST_VINS: Mapping[str, Known] = {
    "WF0DEXTESTSTUB003": Known(
        manufacturer="Ford", number=285, model="Focus Turnier (DNW)(11.1998->)", sub_model="Ambiente", count=2
    ),
    "WBADEXTESTSTUB002": Known(manufacturer="BMW", number=130, model="", card=True),
    "VF3DEXTESTSTUB005": Known(
        manufacturer="Peugeot", number=670, model="Boxer (330/333/335/435) Pritsche RS4035mm (2007->)",
        sub_model="HDi Doppelkabine (335)", count=3, card=True,
    ),
    "VSSDATTESTSTUB002": Known(
        manufacturer="Seat", number=790, model="Ibiza ST (6J8)(03.2010->)", sub_model="Style", card=True
    ),
}  # fmt: skip

_FAULTS: Mapping[str, tuple[str, str]] = {
    "WVW000F0RCEERR001": (
        "error.vinserver.failed.unknown", "Unbehandelter interner oder unerwarteter externer Fehler.",
    ),
    "WVW000F0RCEERR005": ("error.vinserver.illegal.productiondate", "Falsches Datumsformat."),
    "WVW000F0RCEERR011": ("error.vinserver.invalid.vin.length", "VIN-Nummer ist nicht gültig."),
    "WVW000F0RCEERR021": (
        "error.vinserver.fail.vin2ecode", "Im VIN-Server ist ein Datenverarbeitungsfehler aufgetreten <FV2E>.",
    ),
    "WVW000F0RCEERR022": (
        "error.vinserver.timeout.vin2ecode", "Im VIN-Server ist ein Datenverarbeitungsfehler aufgetreten <TV2E>.",
    ),
    "WVW000F0RCEERR023": (
        "error.vinserver.fail.fi2ecode", "Im VIN-Server ist ein Datenverarbeitungsfehler aufgetreten <FF2E>.",
    ),
    "WVW000F0RCEERR031": ("error.vinserver.notfound.cd_version", "Service nicht erreichbar <0815>."),
}  # fmt: skip


def known(vin: str, played: Mapping[str, Known]) -> Known | None:
    """None: nobody knows this VIN."""
    if vin in played:
        return played[vin]
    if vin in _TEST_VINS:
        return _TEST_VINS[vin]
    make = _MAKES.get(vin[:3])
    if make is None:
        return None
    return Known(manufacturer=make[0], number=make[1], model=make[2], sub_model="Acenta")


def fault_of(vin: str) -> tuple[str, str] | None:
    """Code and text of the fault that a public test VIN stands for."""
    return _FAULTS.get(vin)


@cache
def sample() -> bytes:
    """DAT's own example, the answer to `SAMPLE_VIN`. Blocking."""
    return SAMPLE.read_bytes()


def dossiers(vin: str, one: Known) -> str:
    """The content of VXS for a vehicle with a complete code."""
    found = [
        f"<vxs:Dossier><vxs:Country>DE</vxs:Country><vxs:Language>de_DE</vxs:Language>"
        f"{_vehicle(vin, one, number, complete=True)}</vxs:Dossier>"
        for number in range(one.count)
    ]
    return "".join(found)


def card(vin: str, one: Known | None) -> str:
    """The text of a fault with a data card; without a vehicle for a VIN that nobody knows."""
    inside = "" if one is None else _vehicle(vin, one, 0, complete=False)
    return f"ECode not found <additionalInformation>{inside}</additionalInformation>"


def _vehicle(vin: str, one: Known, number: int, *, complete: bool) -> str:
    base, variant = 100 + number, 1 if complete else 0
    code = f"01{one.number:03d}{base:03d}002{variant:04d}"
    parts: list[tuple[str, str]] = [("VehicleIdentNumber", vin)]
    if complete:
        parts += [("DatECode", code), ("Container", "DE001")]
    parts += [
        ("ConstructionTime", str(5400 + number)), ("VehicleTypeName", "Pkw, SUV, Kleintransporter"),
        ("ManufacturerName", one.manufacturer), ("BaseModelName", one.model),
        ("SubModelName", one.sub_model + (f" {number + 1}" if number else "")),
        ("ContainerName", f"DE - {one.sub_model}, 2014 - 2019" if complete else ""),
        ("VehicleType", "1"), ("Manufacturer", str(one.number)), ("BaseModel", str(base) if one.model else ""),
        ("SubModel", "2"), ("SubModelVariant", str(variant)),
        ("VinAccuracy", str(number if complete else 3)),
    ]  # fmt: skip
    inside = "".join(f"<vxs:{name}>{escape(value)}</vxs:{name}>" for name, value in parts if value)
    inside += _equipment(one.rich) if complete else _reported(_others(one))
    return f'<vxs:Vehicle xmlns:vxs="{VXS}">{inside}</vxs:Vehicle>'


def _others(one: Known) -> Sequence[str]:
    return [
        f"{3 + number}: 01{one.number:03d}{100 + number:03d}0020000,{5400 + number}" for number in range(1, one.count)
    ]


def _equipment(rich: bool) -> str:
    series = "".join(_position(40000 + number, "Anti-Blockier-System (ABS)") for number in range(290 if rich else 1))
    special = "".join(_position(20000 + number, "Sonderausstattung") for number in range(33 if rich else 2))
    return (
        f"<vxs:Equipment><vxs:SeriesEquipment>{series}</vxs:SeriesEquipment>"
        f"<vxs:SpecialEquipment>{special}</vxs:SpecialEquipment></vxs:Equipment>"
    )


def _position(number: int, description: str) -> str:
    return (
        f"<vxs:EquipmentPosition><vxs:DatEquipmentId>{number}</vxs:DatEquipmentId>"
        f"<vxs:Description>{description}</vxs:Description><vxs:ManufacturerDescription>{description} "
        f"{'nach Angabe des Herstellers ' * 4}</vxs:ManufacturerDescription></vxs:EquipmentPosition>"
    )


def _reported(others: Sequence[str]) -> str:
    """What the manufacturer says, and the further vehicles that it may be."""
    meta = "".join(f'<vxs:MetaPosition key="additionalVehicle" value="{value}"/>' for value in others)
    return (
        "<vxs:PaintTypes><vxs:PaintType>30</vxs:PaintType></vxs:PaintTypes>"
        "<vxs:VINResult><vxs:VINEquipments><vxs:VINEquipment><vxs:AvNumberDat>789</vxs:AvNumberDat>"
        "<vxs:ManufacturerCode>0AR</vxs:ManufacturerCode>"
        "<vxs:ShortName>Stabilisator vorn</vxs:ShortName></vxs:VINEquipment></vxs:VINEquipments>"
        "<vxs:VINVehicle><vxs:ManufacturerCarCode>3G525X</vxs:ManufacturerCarCode>"
        "<vxs:ManufacturerEngineCode>CRLB</vxs:ManufacturerEngineCode>"
        "<vxs:ManufacturerTransmissionCode>QFZ</vxs:ManufacturerTransmissionCode></vxs:VINVehicle></vxs:VINResult>"
        + (f"<vxs:MetaPositions>{meta}</vxs:MetaPositions>" if meta else "")
    )
