"""DAT's messages: requests as XML, answers as values. Pure; only this file knows DAT's element names.

Elements that aren't known are ignored, as DAT asks (new ones come with every release), and so is a value that isn't
what it should be: a VIN query is paid for, so whatever can be read of its answer is.

Sources: DAT's documentation of `generateToken`, `getVehicleIdentificationByVin`, "ECode not found – Datenkarte",
`getVehicleEvaluation` and `getVehicleTypes`.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from html import unescape

from wtpd.connectors.dat.values import (
    CODE_LENGTH,
    Code,
    Dossier,
    EquipmentPosition,
    Fault,
    Identification,
    Locale,
    Login,
    Valuation,
)
from wtpd.connectors.kit import soap
from wtpd.connectors.kit.soap import Element, Part, child, children, descendants, number, text
from wtpd.connectors.kit.values import WireError
from wtpd.vehicle_data.records import Evaluation, Restriction

AUTHENTICATION = "http://sphinx.dat.de/services/Authentication"
IDENTIFICATION = "http://sphinx.dat.de/services/VehicleIdentificationService"
SELECTION = "http://sphinx.dat.de/services/VehicleSelectionService"
EVALUATION = "http://sphinx.dat.de/services/Evaluation"

AUTHORIZATION_FAILED = "authorizationFailed"
"""The code, mostly behind `Server.`, of a fault when the token isn't accepted: the login that it was made of is wrong,
or has no licence for the product."""
VALUE_NOT_FOUND = "valueNotFound"
"""The code, mostly behind `Server.`, of a fault that answers a VIN query: no complete code is known."""

POSITIONS_LIMIT = 5000
DOSSIERS_LIMIT = 1000
DOSSIERS_SCALE = 8
"""How much larger than others an answer with dossiers may be. DAT documents one of 110,000 characters and 2,600 tags,
and VINs with 190 hits; 200 such dossiers can be read."""
DEPTH_LIMIT = 8
Shared = dict[EquipmentPosition, EquipmentPosition]
"""Equal pieces of equipment, each kept once."""
_TOKEN = re.compile(r"[\x21-\x7e]{1,8192}")
_CARD = re.compile(r"<(?:[\w.-]+:)?additionalInformation[\s/>]")
_CARD_END = re.compile(r"</(?:[\w.-]+:)?additionalInformation\s*>")
_MARKUP = re.compile(
    r"</?(?:a|abbr|b|big|br|center|code|div|em|font|h[1-6]|hr|i|img|li|ol|p|pre|s|small|span|strong|sub|sup|table|tbody|td"
    r"|th|thead|tr|tt|u|ul)(?:[\s/][^<>]{0,1000})?>",
    re.IGNORECASE,
)
"""HTML in the text of a fault; `<FV2E>` is none."""
_PLACEHOLDER = re.compile(r"#{3}\w{0,64}#{3}|\$\{\w{1,64}\}")
_ADDITIONAL = re.compile(r"\s*(\d{1,3})\s*:\s*(\w{1,32})\s*(?:,\s*(\d{1,4})\s*)?")


class FaultError(Exception):
    """The answer is a fault."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.code)
        self.fault = fault


# --- requests


def token_request(login: Login, variant: str | None = None) -> bytes:
    request: list[Part] = [
        ("customerNumber", login.customer_number),
        ("customerLogin", login.user_name),
        ("customerPassword", login.password),
        ("interfacePartnerNumber", login.partner_number),
        ("interfacePartnerSignature", login.signature),
    ]
    if variant is not None:
        request.append(("productVariant", variant))
    return soap.envelope(AUTHENTICATION, "generateToken", request)


def identification_request(vin: str, locale: Locale, restriction: Restriction = "ALL") -> bytes:
    request: list[Part] = [_locale(locale), ("restriction", restriction), ("vin", vin), ("coverage", "ALL")]
    return soap.envelope(IDENTIFICATION, "getVehicleIdentificationByVin", request)


def types_request(locale: Locale) -> bytes:
    return soap.envelope(SELECTION, "getVehicleTypes", [_locale(locale), ("restriction", "ALL")])


def evaluation_request(vehicle: Valuation, locale: Locale) -> bytes:
    """Nothing is saved at DAT. Source: "Parameter getVehicleEvaluation"."""
    request: list[Part] = [
        _locale(locale),
        ("restriction", "APPRAISAL"),
        ("datECode", vehicle.datecode),
        ("container", vehicle.container),
        ("constructionTime", str(vehicle.construction_time)),
        ("coverage", "COMPLETE"),
    ]
    if vehicle.extras:
        positions: list[Part] = [("equipmentPosition", [("datEquipmentId", str(one))]) for one in vehicle.extras]
        request.append(("equipment", positions))
    request += [
        ("save", "false"),
        ("mileage", str(vehicle.mileage)),
        ("registrationDate", vehicle.registered.isoformat()),
    ]
    if vehicle.taxation is not None:
        request.append(("vatType", vehicle.taxation))
    if vehicle.vin:
        request.append(("vin", vehicle.vin))
    return soap.envelope(EVALUATION, "getVehicleEvaluation", request)


def _locale(locale: Locale) -> Part:
    return "locale", {"country": locale.country, "datCountryIndicator": locale.market, "language": locale.language}


# --- answers; all raise `WireError` for what can't be read, and `FaultError`


def token(data: bytes, charset: str | None = None) -> str:
    found = text(_answer(data, charset, "generateToken"), "token", 10_000)
    if not _TOKEN.fullmatch(found):  # it goes into an HTTP header
        raise WireError("the answer holds no token")
    return found


def vehicle_types(data: bytes, charset: str | None = None) -> tuple[str, ...]:
    answer = _answer(data, charset, "getVehicleTypes")
    return tuple((one.get("value") or "")[: soap.TEXT_LIMIT] for one in children(answer, "vehicleType"))


def identification(data: bytes, charset: str | None = None) -> Identification:
    """Also for a fault that carries a data card, or says that there is none, since those are answers."""
    found: list[Dossier] = []
    shared: Shared = {}

    def take(element: Element) -> None:
        room = DOSSIERS_LIMIT - len(found)
        vehicles = list(children(element, "Vehicle"))[:room]
        found.extend(dossier(vehicle, shared) for vehicle in vehicles)

    try:
        _answer(data, charset, "getVehicleIdentificationByVin", DOSSIERS_SCALE, ("Dossier", take))
    except FaultError as error:
        fault = error.fault
        if fault.card is not None:
            return Identification(dossiers=_sorted(fault.card), card=True, fault=shown(fault))
        if not is_code(fault, VALUE_NOT_FOUND):
            raise
        if fault.has_broken_card:
            raise WireError("the data card can't be read") from None
        return Identification(dossiers=(), fault=shown(fault))
    return Identification(dossiers=_sorted(tuple(found)))


def evaluation(data: bytes, charset: str | None = None) -> Evaluation:
    answer = _answer(data, charset, "getVehicleEvaluation")
    valuation = next(descendants(answer, "Valuation"), None)
    if valuation is None:
        raise WireError("the answer holds no valuation")
    found = Evaluation(
        sales=_cents(valuation, "SalesPrice"),
        sales_gross=_cents(valuation, "SalesPriceGross"),
        purchase=_cents(valuation, "PurchasePrice"),
        purchase_gross=_cents(valuation, "PurchasePriceGross"),
        original_gross=_cents(valuation, "OriginalPriceGross"),
        currency=text(valuation, "Currency", 3) or "EUR",
        data_month=_month(valuation),
    )
    if all(price is None for price in (found.sales, found.sales_gross, found.purchase, found.purchase_gross)):
        raise WireError("the valuation holds no price")
    return found


def is_code(fault: Fault, code: str) -> bool:
    """Whether the fault has this code; DAT writes codes with and without `Server.`."""
    return fault.code.removeprefix("Server.") == code


def shown(fault: Fault) -> str:
    """Code and text on one line."""
    line = " ".join(f"{fault.code}: {fault.text}".split())
    return line if len(line) <= 300 else line[:299] + "…"


def _answer(
    data: bytes, charset: str | None, operation: str, scale: int = 1, each: tuple[str, soap.Take] | None = None
) -> Element:
    found = soap.body_of(data, charset, scale, each)
    if soap.is_fault(found):
        raise FaultError(_fault(found))
    if soap.local(found) != f"{operation}Response":
        raise WireError(f"the answer isn't {operation}Response")
    return found


def _sorted(dossiers: tuple[Dossier, ...]) -> tuple[Dossier, ...]:
    return tuple(sorted(dossiers, key=lambda one: one.accuracy or 0))


# --- faults


def _fault(element: Element) -> Fault:
    code = text(element, "faultcode", 200).rpartition(":")[2].strip()
    string = child(element, "faultstring")
    said, card = _said(string)
    if card is None:
        card = next(descendants(element, "additionalInformation"), None)
    if card is None:
        detail = child(element, "detail")
        card = None if detail is None else _said(detail)[1]
    if card is not None:
        return Fault(code or "unknown", said, _card(card))
    return Fault(code or "unknown", said, has_broken_card="additionalInformation" in soap.whole_text(element))


def _said(element: Element | None) -> tuple[str, Element | None]:
    """The text of an element, and the data card in it, which is XML written as text: in CDATA, or escaped, or even
    escaped twice."""
    if element is None:
        return "", None
    said = soap.whole_text(element) if child(element, "additionalInformation") is None else element.text or ""
    whole = said
    for _ in range(3):
        begin = _CARD.search(whole)
        if begin is not None:
            return _line(whole[: begin.start()]), _read_card(whole[begin.start() :])
        if "&lt;" not in whole:
            break
        whole = unescape(whole)
    return _line(said), None


def _read_card(markup: str) -> Element | None:
    """The element additionalInformation at the beginning of `markup`; None if it can't be read."""
    ends = list(_CARD_END.finditer(markup))
    try:
        return next(children(soap.fragment(markup[: ends[-1].end()] if ends else markup)), None)
    except WireError:
        return None


def _card(card: Element) -> tuple[Dossier, ...]:
    """The vehicles in it; the first one lists further ones by their codes alone."""
    found = []
    for vehicle in children(card, "Vehicle"):
        one = dossier(vehicle)
        if not (one.datecode or one.manufacturer or one.base_model or one.unassigned):
            continue  # an empty card: the manufacturer doesn't know the number
        found.append(one)
        for position in descendants(vehicle, "MetaPosition"):
            if position.get("key") == "additionalVehicle":
                found += _additional(position, one)
    return tuple(found[:100])


def _additional(position: Element, first: Dossier) -> list[Dossier]:
    """`accuracy: code,construction time`."""
    found = _ADDITIONAL.fullmatch(position.get("value") or position.text or "")
    if found is None:
        return []
    time = None if found[3] is None else int(found[3])
    other = Dossier(
        datecode=found[2], construction_time=time, accuracy=int(found[1]), vin=first.vin,
        manufacturer=first.manufacturer, vehicle_type=first.vehicle_type,
    )  # fmt: skip
    return [other]


def _line(said: str) -> str:
    """One line of a fault's text without HTML, which may be escaped, and without placeholders that nobody filled."""
    said = said[: 20 * soap.TEXT_LIMIT]
    for _ in range(3):
        said = _PLACEHOLDER.sub("", _MARKUP.sub(" ", said))
        if "&" not in said:
            break
        said = unescape(said)
    return " ".join(said.split())[: soap.TEXT_LIMIT]


# --- the vehicle


def dossier(vehicle: Element, shared: Shared | None = None) -> Dossier:
    """A vehicle as a value. `shared`: equipment of other vehicles of the same answer, most of which is the same."""
    shared = {} if shared is None else shared
    equipment = child(vehicle, "Equipment")
    result = child(vehicle, "VINResult")
    return Dossier(
        datecode=text(vehicle, "DatECode", 32) or _partial_code(vehicle),
        container=text(vehicle, "Container", 32),
        construction_time=number(vehicle, "ConstructionTime"),
        construction_from=number(vehicle, "ConstructionTimeFrom"),
        construction_to=number(vehicle, "ConstructionTimeTo"),
        price_list_time=number(vehicle, "ConstructionTimePriceList"),
        manufacturer=text(vehicle, "ManufacturerName"),
        base_model=text(vehicle, "BaseModelName"),
        sub_model=text(vehicle, "SubModelName"),
        model_group=text(vehicle, "MainTypeGroupName"),
        vehicle_type=text(vehicle, "VehicleTypeName"),
        container_name=text(vehicle, "ContainerName"),
        release=text(vehicle, "ReleaseIndicator", 32),
        accuracy=number(vehicle, "VinAccuracy"),
        vin=text(vehicle, "VehicleIdentNumber", 32),
        kba_numbers=_kba_numbers(vehicle),
        colours=() if result is None else _codes(result, "VINColor", "Code", "Description", "ColorID"),
        series=_positions(equipment, "SeriesEquipment", shared),
        special=_positions(equipment, "SpecialEquipment", shared),
        coded=_positions(vehicle, "DATECodeEquipment", shared),
        unassigned=() if result is None else _codes(result, "VINEquipment", "ManufacturerCode", "ShortName"),
        car_code=_maker_code(result, "Car"),
        engine_code=_maker_code(result, "Engine"),
        transmission_code=_maker_code(result, "Transmission"),
        paint_types=_paint_types(vehicle),
    )


def _maker_code(result: Element | None, part: str) -> str:
    own = None if result is None else child(result, "VINVehicle")
    return "" if own is None else text(own, f"Manufacturer{part}Code", 64)


def _paint_types(vehicle: Element) -> tuple[str, ...]:
    listed = child(vehicle, "PaintTypes")
    found = [] if listed is None else [(one.text or "").strip()[:32] for one in children(listed, "PaintType")]
    return tuple(one for one in found if one)[:50]


def _partial_code(vehicle: Element) -> str:
    """The DAT €uropa-Code as far as a data card tells it: type, manufacturer, base model, sub-model, variant."""
    parts = [
        (number(vehicle, name), length)
        for name, length in (
            ("VehicleType", 2), ("Manufacturer", 3), ("BaseModel", 3), ("SubModel", 3), ("SubModelVariant", 4),
        )
    ]  # fmt: skip
    if any(value is None for value, _ in parts[:2]):
        return ""
    code = "".join(f"{value or 0:0{length}d}" for value, length in parts)
    return code if len(code) == CODE_LENGTH else ""


def _kba_numbers(vehicle: Element) -> tuple[str, ...]:
    """In two ways of writing: elements, or one text with commas."""
    listed = child(vehicle, "KbaNumbersN")
    if listed is not None:
        found = [(one.text or "").strip() for one in children(listed, "KbaNumber")]
    else:
        found = (text(vehicle, "kbaNumbers") or text(vehicle, "KbaNumbers")).split(",")
    return tuple(one.strip()[:16] for one in found if one.strip())[:200]


def _codes(result: Element, element: str, code: str, words: str, kind: str = "") -> tuple[Code, ...]:
    found = [
        Code(
            code=text(one, code, 64),
            text=text(one, words),
            kind=text(one, kind, 16) if kind else "",
            dat_id=number(one, "AvNumberDat"),
        )
        for _, one in zip(range(POSITIONS_LIMIT), descendants(result, element), strict=False)
    ]
    return tuple(one for one in found if one.code or one.text or one.dat_id is not None)


def _positions(within: Element | None, name: str, shared: Shared, depth: int = 0) -> tuple[EquipmentPosition, ...]:
    listed = None if within is None or depth > DEPTH_LIMIT else child(within, name)
    if listed is None:
        return ()
    found = [
        EquipmentPosition(
            dat_id=number(one, "DatEquipmentId"),
            description=text(one, "Description"),
            manufacturer_id=text(one, "ManufacturerEquipmentId", 64),
            manufacturer_description=text(one, "ManufacturerDescription"),
            group=text(one, "EquipmentGroup", 32),
            price=_cents(one, "OriginalPriceGross") or _cents(one, "OriginalPrice"),
            contained=_positions(one, "ContainedEquipmentPositions", shared, depth + 1),
        )
        for _, one in zip(range(POSITIONS_LIMIT), children(listed, "EquipmentPosition"), strict=False)
    ]
    return tuple(shared.setdefault(one, one) for one in found)


def _cents(element: Element, name: str) -> int | None:
    """A price in whole cents; None for none, or for something that isn't a price."""
    try:
        price = Decimal(text(element, name, 20))
    except InvalidOperation:
        return None
    if not price.is_finite() or not 0 <= price < 10**9:
        return None
    return int((price * 100).to_integral_value())


def _month(valuation: Element) -> str:
    """The month of the data that the valuation rests on, `2013-01`."""
    year, month = number(valuation, "LastValuationDataYear"), number(valuation, "LastValuationDataMonth")
    return f"{year:04d}-{month:02d}" if year and month and month < 13 else ""
