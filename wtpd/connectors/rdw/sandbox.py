"""RDW's side as a real HTTP app, as strict as `README.md` says (spec: sandbox.md): plates are found only in capitals
without hyphens, unknown parameters are an error, a wrong app token is refused, and an outage looks like RDW's own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from wtpd.connectors.kit.asgi import Answer, body_of
from wtpd.connectors.kit.sandbox_side import ActRefused, Host, Receive, Scope, Send

TOKEN = "sandboxapptoken0123456789"  # noqa: S105 - the sandbox's
CANARY = "6TJR64"

_VEHICLES, _FUELS, _RECALLS = "m9d7-ebf2", "8ys7-d773", "t49b-isb7"
_PATH = re.compile(r"/resource/([a-z0-9]{4}-[a-z0-9]{4})\.json")
_DATA_SETS = (_VEHICLES, _FUELS, _RECALLS)


class Car(msgspec.Struct, frozen=True, kw_only=True):
    """A registered vehicle, as the act `vehicle` gives it."""

    plate: str
    make: str = "NISSAN"
    model: str = "NOTE"
    fuel: str = "Benzine"
    apk: str = "20270306"
    registered: str = "20140306"
    odometer: str = "Logisch"
    recall: bool = False
    exported: bool = False
    uninsured: bool = False
    without: str = ""


class RdwSide:
    """The partner (`wtpd.connectors.kit.sandbox_side.PartnerSide`)."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._journals = {name: host.journal(name) for name in ("cars", "rules")}
        self._cars = {CANARY: Car(plate=CANARY)}
        self._cars |= {key: msgspec.json.decode(value, type=Car) for key, value in self._journals["cars"].load()}
        self._rules: dict[str, str] = {
            key: msgspec.json.decode(value, type=str) for key, value in self._journals["rules"].load()
        }
        self._times: list[float] = []

    @property
    def access_journals(self) -> frozenset[str]:
        return frozenset({"rules"})

    def state(self) -> Any:
        return {"cars": {plate: msgspec.to_builtins(car) for plate, car in self._cars.items()}, "rules": self._rules}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await body_of(receive)
        await self._answer(scope).send(send)

    async def act(self, name: str, arguments: Mapping[str, Any]) -> Any:
        plays = {"vehicle": self._register, "forget": self._forget, "outage": self._outage, "rename": self._rename}
        if name == "limit":
            result = self._rule("limit", str(arguments["per_minute"]))
        elif name in plays:
            result = plays[name](arguments)
        else:
            raise ActRefused(f"nobody at RDW can {name}")
        await self._host.saved()
        return result

    def _register(self, given: Mapping[str, Any]) -> Any:
        plate = _stripped(given["plate"])
        before = msgspec.to_builtins(self._cars.get(plate, Car(plate=plate)))
        values = {name: value for name, value in given.items() if value is not None and name != "plate"}
        car = self._cars[plate] = Car(**before | values | {"plate": plate})
        self._journals["cars"].put(plate, msgspec.json.encode(car))
        return {"id": plate}

    def _forget(self, given: Mapping[str, Any]) -> Any:
        plate = _stripped(given["plate"])
        if self._cars.pop(plate, None) is None:
            raise ActRefused(f"there is no {plate}")
        self._journals["cars"].drop(plate)
        return {"id": plate}

    def _outage(self, given: Mapping[str, Any]) -> Any:
        if given["plates"] == "sidecode" and not given.get("sidecode"):
            raise ActRefused("name the form of the plates: --sidecode X-999-XX")
        return self._rule("outage", given["sidecode"] if given["plates"] == "sidecode" else given["plates"])

    def _rename(self, given: Mapping[str, Any]) -> Any:
        return self._rule(f"name:{given['field']}", given.get("to") or given["field"])

    def _rule(self, name: str, value: str) -> Any:
        self._rules[name] = value
        self._journals["rules"].put(name, msgspec.json.encode(value))
        return {name: value}

    # --- a request

    def _answer(self, scope: Scope) -> Answer:
        found = _PATH.fullmatch(scope["path"])
        if found is None or found[1] not in _DATA_SETS:
            return _error(404, "dataset.missing", "Not found")
        if scope["method"] != "GET":
            return _error(405, "method_not_allowed", "Only GET")
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        token = headers.get("x-app-token", "")
        if token and token != TOKEN:
            return _error(403, "permission_denied", "Invalid app_token specified")
        if not token and self._is_over_limit():
            return _error(429, "too_many_requests", "Too many requests")
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        if [name for name, _ in query] != ["kenteken"]:
            return _error(400, "query.soql.no-such-column", "Unrecognized arguments")
        plate = query[0][1]
        rows = [] if self._is_out(plate) or plate not in self._cars else _rows(found[1], self._cars[plate])
        return _json(200, [self._renamed(row) for row in rows])

    def _is_over_limit(self) -> bool:
        limit = int(self._rules.get("limit", "0"))
        if not limit:
            return False
        now = self._host.clock.now().timestamp()
        self._times = [one for one in self._times if now - 60 < one <= now]
        if len(self._times) >= limit:
            return True
        self._times.append(now)
        return False

    def _is_out(self, plate: str) -> bool:
        outage = self._rules.get("outage", "none")
        return outage == "all" or (outage != "none" and _form(plate) == _stripped(outage))

    def _renamed(self, row: dict[str, str]) -> dict[str, str]:
        return {self._rules.get(f"name:{name}", name): value for name, value in row.items()}


def _rows(data_set: str, car: Car) -> list[dict[str, str]]:
    if data_set == _FUELS:
        fuels = [one.strip() for one in car.fuel.split(",") if one.strip()]
        return [
            {"kenteken": car.plate, "brandstof_volgnummer": str(number), "brandstof_omschrijving": fuel}
            for number, fuel in enumerate(fuels, 1)
        ]
    if data_set == _RECALLS:
        open_one = {"referentiecode_rdw": "T202600001", "code_status": "O", "status": "Openstaande terugroepactie"}
        return [{"kenteken": car.plate, **open_one}] if car.recall else []
    row = {
        "kenteken": car.plate,
        "voertuigsoort": "Personenauto",
        "merk": car.make,
        "handelsbenaming": car.model,
        "vervaldatum_apk": car.apk,
        "vervaldatum_apk_dt": _iso(car.apk),
        "datum_eerste_toelating": car.registered,
        "datum_eerste_toelating_dt": _iso(car.registered),
        "eerste_kleur": "GRIJS",
        "wam_verzekerd": "Nee" if car.uninsured else "Ja",
        "export_indicator": "Ja" if car.exported else "Nee",
        "openstaande_terugroepactie_indicator": "Ja" if car.recall else "Nee",
        "tellerstandoordeel": car.odometer,
    }
    without = {name.strip() for name in car.without.split(",")}
    return [{name: value for name, value in row.items() if value and name not in without}]


def _iso(day: str) -> str:
    return f"{day[:4]}-{day[4:6]}-{day[6:]}T00:00:00.000" if day else ""


def _stripped(plate: str) -> str:
    return plate.replace("-", "").replace(" ", "").upper()


def _form(plate: str) -> str:
    return re.sub("[A-Z]", "X", re.sub("[0-9]", "9", plate))


def _json(status: int, value: Any) -> Answer:
    return Answer(status, [(b"content-type", b"application/json;charset=utf-8")], msgspec.json.encode(value))


def _error(status: int, code: str, message: str) -> Answer:
    """As Socrata writes an error."""
    return _json(status, {"code": code, "error": True, "message": message})
