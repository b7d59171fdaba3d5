"""DAT's side as a real HTTP app: its products' authentication, and the services that wtpd calls (spec: sandbox.md).

It is as DAT is: a token is given out for any login, and the first call with one made of a wrong login fails; a token is
good for half an hour and for the product whose service made it; the 25th query of one VIN on a day locks it.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from html import escape
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from wtpd.clock import from_iso, iso
from wtpd.connectors.dat import sandbox_vehicles as vehicles
from wtpd.connectors.dat.products import PRODUCTS, Product
from wtpd.connectors.dat.sandbox_vehicles import Known
from wtpd.connectors.kit import soap
from wtpd.connectors.kit.asgi import Answer, body_of, problem
from wtpd.connectors.kit.sandbox_side import ActRefused, Host, Receive, Scope, Send
from wtpd.connectors.kit.values import WireError

TOKEN_LIFE = timedelta(minutes=30)
LOCKED_AT = 25
"""The query of one VIN on one day that locks it."""
HOME = ZoneInfo("Europe/Berlin")

CUSTOMER = {"customer_number": "1234567", "user_name": "sandbox", "password": "sandbox-secret"}
"""A login that every new sandbox has (README.md), without an interface partner."""
PARTNER_CUSTOMER = {
    "customer_number": "1234568",
    "user_name": "partner",
    "password": "partner-secret",
    "interface_partner_number": "7654321",
    "interface_partner_signature": hashlib.sha256(b"sandbox interface partner").hexdigest().upper(),
}
"""The other one, with the number and signature of an interface partner."""

_RESTRICTIONS = ("ALL", "REPAIR", "APPRAISAL")
_IDENTIFICATION = "http://sphinx.dat.de/services/VehicleIdentificationService"
_SELECTION = "http://sphinx.dat.de/services/VehicleSelectionService"
_EVALUATION = "http://sphinx.dat.de/services/Evaluation"
_AUTHENTICATION = "http://sphinx.dat.de/services/Authentication"
_TYPES = ("Pkw, SUV, Kleintransporter", "Transporter", "Kraftrad", "Lastkraftwagen", "Omnibusse")


class _Refused(Exception):
    """Answered by a fault."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(code)
        self.code = code
        self.text = text


@dataclass(frozen=True, slots=True)
class _Token:
    """`is_good`: the login it was made of is right."""

    product: str
    expires: str
    is_good: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Customer:
    """A customer of either kind: with the number and signature of an interface partner, which DAT mailed, or without,
    then the customer number and the customer's own signature count. `products`: keys; empty: all."""

    password: str
    partner_number: str = ""
    partner_signature: str = ""
    products: tuple[str, ...] = ()

    def accepts(self, number: str, user: str, request: soap.Element) -> bool:
        own = hashlib.sha256(f"{number}:{user}:{self.password}".encode()).hexdigest().upper()
        wanted = {
            "customerPassword": self.password,
            "interfacePartnerNumber": self.partner_number or number,
            "interfacePartnerSignature": self.partner_signature or own,
        }
        given = {name: soap.text(request, name) for name in wanted}
        return all(hmac.compare_digest(wanted[name].encode(), given[name].encode()) for name in wanted)


@dataclass(slots=True)
class _Kept:
    """What survives a restart."""

    customers: dict[str, _Customer] = field(default_factory=dict)
    tokens: dict[str, _Token] = field(default_factory=dict)
    vehicles: dict[str, Known] = field(default_factory=dict)
    queries: Counter[str] = field(default_factory=Counter)


class DatSide:
    """The partner (`wtpd.connectors.kit.sandbox_side.PartnerSide`)."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._journals = {name: host.journal(name) for name in ("customers", "tokens", "vehicles", "queries")}
        known = {_login(one): _customer(one) for one in (CUSTOMER, PARTNER_CUSTOMER)}
        self._kept = _Kept(
            customers=known | self._load("customers", _Customer),
            tokens=self._load("tokens", _Token),
            vehicles=self._load("vehicles", Known),
            queries=Counter(self._load("queries", int)),
        )
        self._operations: Mapping[str, tuple[str, str, Callable[[soap.Element], bytes]]] = {
            "VehicleIdentificationService": (_IDENTIFICATION, "getVehicleIdentificationByVin", self._identify),
            "VehicleSelectionService": (_SELECTION, "getVehicleTypes", self._types),
            "Evaluation": (_EVALUATION, "getVehicleEvaluation", self._evaluate),
        }
        soap.parsed(vehicles.sample().decode())  # so that file and library are loaded before the first request

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await body_of(receive)
        answer = self._answer(scope, body)
        await self._host.saved()
        await answer.send(send)

    @property
    def access_journals(self) -> frozenset[str]:
        return frozenset()

    def state(self) -> Any:
        return {
            "customers": list(self._kept.customers),
            "tokens": len(self._kept.tokens),
            "vehicles": {vin: msgspec.to_builtins(one) for vin, one in self._kept.vehicles.items()},
            "queries": dict(self._kept.queries),
        }

    async def act(self, name: str, arguments: Mapping[str, Any]) -> Any:
        if name == "customer":
            login = _login(arguments)
            self._put("customers", login, _customer(arguments))
            result: Any = {"id": login}
        elif name == "vehicle":
            result = self._play_vehicle(arguments)
        else:
            raise ActRefused(f"nobody at DAT can {name}")
        await self._host.saved()
        return result

    def _play_vehicle(self, given: Mapping[str, Any]) -> Any:
        vin = given["vin"]
        if len(vin) not in (7, 17):
            raise ActRefused("a VIN has 17 characters, its end 7")
        values = {name: value for name, value in given.items() if name != "vin"}
        self._put("vehicles", vin, Known(number=640, **values))
        return {"id": vin, **values}

    # --- a request

    def _answer(self, scope: Scope, body: bytes) -> Answer:
        folder, _, service = scope["path"].rpartition("/")
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        product = next((one for one in PRODUCTS if one.folder == folder), None)
        if product is None or (service != product.authentication and service not in self._operations):
            return problem(404, "There is no such service")
        if scope["method"] != "POST":
            return problem(405, "A service is called by POST", {"Allow": "POST"})
        if headers.get("content-type", "").partition(";")[0].strip() != "text/xml":
            return problem(415, "SOAP 1.1 is text/xml")
        try:
            return _xml(200, self._served(product, service, headers, body))
        except _Refused as refused:
            return _xml(500, _fault(refused.code, refused.text))
        except WireError as error:
            return _xml(500, _fault("S:Client", f"Couldn't parse the message: {error}"))
        except _Garbled:
            return _xml(200, soap.enclosed("<ns2:getVehicleIdentificationByVinResponse><VXS>")[:-30])

    def _served(self, product: Product, service: str, headers: Mapping[str, str], body: bytes) -> bytes:
        call = soap.body_of(body)
        if service == product.authentication:
            request = _argument(call, _AUTHENTICATION, "generateToken")
            return self._token(_product(product.folder, soap.text(request, "productVariant")), request)
        namespace, operation, serve = self._operations[service]
        request = _argument(call, namespace, operation)
        self._check(_product(product.folder, headers.get("dat-productvariant")), headers)
        return serve(request)

    def _token(self, product: Product | None, request: soap.Element) -> bytes:
        number, user = soap.text(request, "customerNumber"), soap.text(request, "customerLogin")
        for name in ("customerNumber", "customerLogin", "customerPassword", "interfacePartnerNumber"):
            if not soap.text(request, name):
                raise _Refused("dat:dat:Server.requireCode", f"{name} is required!")
        customer = self._kept.customers.get(f"{number}:{user}")
        good = customer is not None and product is not None and customer.accepts(number, user, request)
        if good and customer is not None and customer.products and product is not None:
            good = product.key in customer.products
        value = f"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.{secrets.token_urlsafe(18)}.{secrets.token_urlsafe(24)}"
        expires = iso(self._host.clock.now() + TOKEN_LIFE)
        self._put("tokens", value, _Token("" if product is None else _place(product), expires, good))
        return _response(_AUTHENTICATION, "generateToken", soap.written(("token", value)))

    def _check(self, product: Product | None, headers: Mapping[str, str]) -> None:
        token = self._kept.tokens.get(headers.get("dat-authorizationtoken", ""))
        if product is None or token is None or not token.is_good or token.product != _place(product):
            raise _failed()
        if from_iso(token.expires) <= self._host.clock.now():
            raise _failed()

    # --- the services

    def _types(self, request: soap.Element) -> bytes:
        _check_locale(request)
        listed = "".join(
            soap.written(("vehicleType", {"key": str(number), "value": name})) for number, name in enumerate(_TYPES, 1)
        )
        return _response(_SELECTION, "getVehicleTypes", listed)

    def _identify(self, request: soap.Element) -> bytes:
        _check_locale(request)
        vin = soap.text(request, "vin")
        if soap.text(request, "restriction") not in _RESTRICTIONS:
            raise _Refused("dat:internalError", "Given Restriction sign is wrong")
        if len(vin) not in (7, 17):
            raise _Refused("dat:error.vinserver.invalid.vin.length", "VIN-Nummer ist nicht gültig.")
        self._count(vin)
        if (fault := vehicles.fault_of(vin)) is not None:
            raise _Refused(f"dat:{fault[0]}", fault[1])
        if vin == vehicles.SAMPLE_VIN and vin not in self._kept.vehicles:
            return vehicles.sample()
        one = vehicles.known(vin, self._kept.vehicles)
        if one is not None and one.fault:
            raise _Refused(f"dat:{one.fault}", "Fehler auf Bestellung")
        if one is not None and one.unreadable:
            raise _Garbled
        if one is not None and one.empty:
            raise _Refused("dat:dat:Server.valueNotFound", "ECode not found")
        if one is None or one.card:
            raise _Refused("dat:dat:Server.valueNotFound", vehicles.card(vin, one))
        found = f'<VXS xmlns:vxs="{vehicles.VXS}">{vehicles.dossiers(vin, one)}</VXS>'
        return _response(_IDENTIFICATION, "getVehicleIdentificationByVin", found)

    def _count(self, vin: str) -> None:
        day = self._host.clock.now().astimezone(HOME).date().isoformat()
        key = f"{day} {vin}"
        self._put("queries", key, self._kept.queries[key] + 1)
        if self._kept.queries[key] >= LOCKED_AT:
            raise _Refused(
                "dat:error.vinserver.error.vin_dup_amount_exhausted.25",
                'VIN zu oft abgefragt.<br/><a href="###VIN_INFO###">Mehr dazu</a>',
            )

    def _evaluate(self, request: soap.Element) -> bytes:
        _check_locale(request)
        if soap.text(request, "restriction") != "APPRAISAL":
            raise _Refused("dat:Server.wrongValueCode", "wrong value for release restriction")
        code, container = soap.text(request, "datECode"), soap.text(request, "container")
        mileage, time = soap.number(request, "mileage"), soap.number(request, "constructionTime")
        if mileage is None:
            raise _Refused("dat:validation.mileage.missing", "Kilometerstand fehlt.")
        if time is None:
            raise _Refused("dat:validation.constructionTime.missing", "Bauzeit fehlt.")
        if not container:
            raise _Refused("dat:validation.container.invalidForDatECode", "Container existiert nicht.")
        net = max(50_000, 2_500_000 - 400 * self._age(request) - 4 * mileage) + 20_000 * _extras(request)
        if soap.text(request, "vatType") not in ("", "R", "D", "REGULAR", "DIFFERENCE"):
            raise _Refused("dat:validation.vatType.invalid", "Ungültige Besteuerungsart.")
        return _response(_EVALUATION, "getVehicleEvaluation", _valuation(code, container, net))

    def _age(self, request: soap.Element) -> int:
        """Days since the first registration."""
        today = self._host.clock.now().date()
        try:
            registered = date.fromisoformat(soap.text(request, "registrationDate")[:10])
        except ValueError:
            raise _Refused("dat:validation.initialRegistration.missing", "Erstzulassungsdatum fehlt.") from None
        if registered > today:
            raise _Refused("dat:validation.registrationDate.inFuture", "Das Erstzulassungsdatum liegt in der Zukunft")
        return (today - registered).days

    # --- what is kept

    def _put(self, journal: str, key: str, value: Any) -> None:
        kept: dict[str, Any] = getattr(self._kept, journal)
        kept[key] = value
        self._journals[journal].put(key, msgspec.json.encode(value))

    def _load(self, journal: str, kind: type[Any]) -> dict[str, Any]:
        return {key: msgspec.json.decode(value, type=kind) for key, value in self._journals[journal].load()}


class _Garbled(Exception):
    """Answered by something that can't be read."""


def _login(values: Mapping[str, str]) -> str:
    return f"{values['customer_number']}:{values['user_name']}"


def _customer(values: Mapping[str, Any]) -> _Customer:
    return _Customer(
        password=values["password"],
        partner_number=values.get("interface_partner_number") or "",
        partner_signature=values.get("interface_partner_signature") or "",
        products=tuple(one.strip() for one in (values.get("products") or "").split(",") if one.strip()),
    )


def _product(folder: str, variant: str | None) -> Product | None:
    """The product of a folder and variant. SilverDAT 3 PRO has variants for networks, too."""
    of_folder = [one for one in PRODUCTS if one.folder == folder]
    exact = next((one for one in of_folder if one.variant == (variant or None)), None)
    if exact is None and variant and of_folder and of_folder[0].key == "silverDatPro":
        return replace(of_folder[0], variant=variant)
    return exact


def _place(product: Product) -> str:
    return f"{product.key} {product.variant or ''}".strip()


def _extras(request: soap.Element) -> int:
    """The pieces of special equipment, each with its number."""
    equipment = soap.child(request, "equipment")
    positions = [] if equipment is None else list(soap.children(equipment, "equipmentPosition"))
    for position in positions:
        number = soap.number(position, "datEquipmentId")
        if number is None:
            raise _Refused("dat:validation.DatEquipmentId.missing", "Ausstattungsposition ohne DATEquipmentId.")
        if not 1 <= number <= 100_000:
            raise _Refused("dat:validation.DatEquipmentId.invalid", "Die angegebene DatEquipmentId ist ungültig.")
    return len(positions)


def _argument(call: soap.Element, namespace: str, operation: str) -> soap.Element:
    request = soap.child(call, "request")
    if call.tag != f"{{{namespace}}}{operation}" or request is None:
        raise _Refused("S:Client", f"Cannot find dispatch method for {soap.local(call)[:64]}")
    return request


def _check_locale(request: soap.Element) -> None:
    locale = soap.child(request, "locale")
    if locale is None:
        raise _Refused("dat:CountryError", "locale is missing")
    if any(len(locale.get(name) or "") != 2 for name in ("country", "datCountryIndicator", "language")):
        raise _Refused("dat:LocaleError", "wrong country indicator value")


def _failed() -> _Refused:
    return _Refused("dat:dat:Server.authorizationFailed", "Authorisation failed.")


def _valuation(code: str, container: str, net: int) -> str:
    """Prices from the sales price in cents; the margin is a tenth."""
    purchase = net * 9 // 10
    prices = {
        "OriginalPriceGross": 3_305_000, "SalesPrice": net, "SalesPriceGross": net * 119 // 100,
        "PurchasePrice": purchase, "PurchasePriceGross": purchase * 119 // 100,
    }  # fmt: skip
    listed = "".join(f"<vxs:{name}>{cents // 100}.{cents % 100:02d}</vxs:{name}>" for name, cents in prices.items())
    return (
        f'<VXS source="SD3" type="singleEvaluation" xmlns:vxs="{vehicles.VXS}"><vxs:Dossier><vxs:Vehicle>'
        f"<vxs:DatECode>{escape(code)}</vxs:DatECode><vxs:Container>{escape(container)}</vxs:Container></vxs:Vehicle>"
        f"<vxs:Valuation>{listed}<vxs:LastValuationDataYear>2026</vxs:LastValuationDataYear>"
        "<vxs:LastValuationDataMonth>11</vxs:LastValuationDataMonth><vxs:Currency>EUR</vxs:Currency>"
        "</vxs:Valuation></vxs:Dossier></VXS>"
    )


def _response(namespace: str, operation: str, inside: str) -> bytes:
    return soap.enclosed(f'<ns2:{operation}Response xmlns:ns2="{namespace}">{inside}</ns2:{operation}Response>')


def _fault(code: str, text: str) -> bytes:
    """As DAT writes one: prefixes twice, markup in the text escaped."""
    return soap.enclosed(
        f'<soapenv:Fault><faultcode xmlns:dat="http://www.dat.de">{escape(code)}</faultcode>'
        f"<faultstring>{escape(text)}</faultstring>"
        "<faultactor>de.dat.sphinx.vehicleselection.ws.n.VehicleIdentificationService</faultactor></soapenv:Fault>"
    )


def _xml(status: int, content: bytes) -> Answer:
    return Answer(status, [(b"content-type", b"text/xml; charset=utf-8")], content)
