"""Dealer and customer on SUPERSERVICE's side of the sandbox: what `acts.py` describes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, time, timedelta
from itertools import chain, repeat
from typing import Any

from wtpd.clock import from_iso
from wtpd.connectors.kit.sandbox_side import ActRefused, Host
from wtpd.connectors.superservice.sandbox_access import RIGHTS, Access, ClientUser, Dealer
from wtpd.connectors.superservice.sandbox_book import CANCELLED, ZONE, Body, Days, Kept, SandboxBook
from wtpd.connectors.superservice.sandbox_rules import Rules

VISIT = timedelta(hours=8)
MANY = 100_000

_PATHS = {
    "drop_off": ("dropOffTime",),
    "collection": ("collectionTime",),
    "first_name": ("customer", "firstName"),
    "last_name": ("customer", "lastName"),
    "email": ("customer", "contact", "email"),
    "mobile": ("customer", "contact", "mobile"),
    "plate": ("vehicle", "registrationPlate"),
    "vin": ("vehicle", "vin"),
    "model": ("vehicle", "model"),
    "transport": ("transport", "option"),
    "loan_car": ("transport", "loanCarId"),
    "advisor": ("advisorId",),
    "notes": ("notes",),
}
_FIRST_NAMES = ("Anke", "Björn", "Carla", "Dörte", "Erik", "Frieda", "Gerrit", "Hanna", "Ivo", "Jule", "Kees", "Lotte")
_LAST_NAMES = (
    "Ahrens",
    "Brüning",
    "Clasen",
    "Dohse",
    "Evers",
    "Fröhlich",
    "Groß",
    "Hinrichs",
    "Jansen",
    "Köpke",
    "Lüth",
)
_MODELS = ("Leaf", "Qashqai", "Juke", "Ariya", "X-Trail", "Micra")
_JOBS = (("INSP-K", "Inspektion klein", 18), ("HU", "Hauptuntersuchung mit AU", 12), ("RAD", "Radwechsel", 6))


class Play:
    def __init__(self, host: Host, access: Access, book: SandboxBook, days: Days, rules: Rules) -> None:
        self._host = host
        self._access = access
        self._book = book
        self._days = days
        self._rules = rules
        self._acts: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
            "book": self._book_visits,
            "change": self._change,
            "move": self._move,
            "cancel": self._cancel,
            "cancel-many": self._cancel_many,
            "reopen": self._reopen,
            "unknown-code": self._unknown_code,
            "break": self._break,
            "odd": self._odd,
            "forbid": self._forbid,
            "rules": self._rules.change,
            "dealer": self._put_dealer,
            "client": self._put_client,
        }

    def act(self, name: str, arguments: Mapping[str, Any]) -> Any:
        """Raises `ActRefused`, and `Refusal` where the partner itself refuses."""
        return self._acts[name](arguments)

    def _book_visits(self, given: Mapping[str, Any]) -> Any:
        dealer = self._dealer(given)
        count = given.get("count", 1)
        if not 1 <= count <= MANY:
            raise ActRefused(f"count is between 1 and {MANY}")
        times = self._times(dealer, given.get("drop_off"))
        if (number := given.get("number")) is not None and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", number):
            raise ActRefused("number is no id of an appointment")
        kept = [
            self._book.create(dealer, self._visit(given, next(times)), by=_by(given), number=number)
            for _ in range(count)
        ]
        return kept[0].body if count == 1 else _listed(kept)

    def _visit(self, given: Mapping[str, Any], drop_off: datetime) -> Body:
        """A likely visit, with what was given in it."""
        number = len(self._book.appointments) + 1
        code, title, units = _JOBS[number % len(_JOBS)]
        body: Body = {
            "dropOffTime": drop_off.isoformat(),
            "collectionTime": (drop_off + VISIT).isoformat(),
            "customer": _person(number),
            "vehicle": {
                "registrationPlate": f"HRO-{_letters(number)} {number % 9000 + 1000}",
                "vin": f"SJNFAAJ11U{number:07d}",
                "make": "NISSAN",
                "model": _MODELS[number % len(_MODELS)],
            },
            "jobs": [{"code": code, "title": title, "labourUnits": units}],
        }
        _lay_over(body, _details(given))
        if "loan_car" in given and "transport" not in given:
            body["transport"]["option"] = "LOAN_CAR"
        return body

    def _times(self, dealer: str, wanted: str | None) -> Iterator[datetime]:
        """Drop-offs for one visit after another: as wanted, else the published free slots, else tomorrow at eight."""
        if wanted is not None:
            return repeat(from_iso(wanted))
        tomorrow = (self._host.clock.now().astimezone(ZONE) + timedelta(days=1)).date()
        later = datetime.combine(tomorrow, time(8), ZONE)
        return chain((from_iso(slot) for slot in self._days.free_slots(dealer)), repeat(later))

    def _change(self, given: Mapping[str, Any]) -> Any:
        patch = _details(given)
        if not patch:
            raise ActRefused("say what is to change")
        return self._book.change(self._kept(given), patch, by=_by(given)).body

    def _move(self, given: Mapping[str, Any]) -> Any:
        kept = self._kept(given)
        body = kept.read()
        length = from_iso(body["collectionTime"]) - from_iso(body["dropOffTime"])
        collection = given.get("collection") or (from_iso(given["drop_off"]) + length).isoformat()
        patch = {"dropOffTime": given["drop_off"], "collectionTime": collection}
        return self._book.change(kept, patch, by=_by(given)).body

    def _cancel(self, given: Mapping[str, Any]) -> Any:
        cause = "LEFT_DEPARTMENT" if given.get("left") else CANCELLED
        return self._book.cancel(self._kept(given), given.get("reason", ""), by=_by(given), cause=cause).body

    def _cancel_many(self, given: Mapping[str, Any]) -> Any:
        dealer = self._dealer(given)
        live = [kept for kept in self._book.appointments.values() if kept.dealer == dealer and not kept.cancelled]
        chosen = live[: given.get("count", len(live))]
        return _listed(self._book.cancel(kept, given.get("reason", ""), by=_by(given)) for kept in chosen)

    def _reopen(self, given: Mapping[str, Any]) -> Any:
        kept = self._kept(given)
        if not kept.cancelled:
            raise ActRefused("the appointment isn't cancelled")
        return self._book.reopen(kept, by="dealer").body

    def _unknown_code(self, given: Mapping[str, Any]) -> Any:
        if given.get("field", "transport") == "status":
            patch: Body = {"status": given.get("code", "WAITING_FOR_PARTS")}
        else:
            patch = {"transport": {"option": given.get("code", "VALET")}}
        return self._book.change_unchecked(self._kept(given), patch, by="dealer").body

    def _break(self, given: Mapping[str, Any]) -> Any:
        broken = given.get("fields", {"dropOffTime": 12345})
        if not isinstance(broken, dict):
            raise ActRefused("fields is an object")
        return self._book.put_broken(self._kept(given), broken, by="dealer").body

    def _odd(self, given: Mapping[str, Any]) -> Any:
        odd = given.get("fields", {"vehicle": {"firstRegistration": "0001-01-01"}})
        if not isinstance(odd, dict):
            raise ActRefused("fields is an object")
        return self._book.change_unchecked(self._kept(given), odd, by="dealer").body

    def _forbid(self, given: Mapping[str, Any]) -> Any:
        kept = self._kept(given)
        if given.get("lift"):
            self._rules.forbidden.discard(kept.id)
        else:
            self._rules.forbidden.add(kept.id)
        return {"ids": sorted(self._rules.forbidden)}

    def _put_dealer(self, given: Mapping[str, Any]) -> Any:
        number = given["dealer"]
        before = self._access.dealers.get(number, Dealer(number, f"Autohaus {number}"))
        dealer = Dealer(number, given.get("name", before.name), given.get("brand", before.brand))
        self._access.put_dealer(dealer)
        return dealer.record()

    def _put_client(self, given: Mapping[str, Any]) -> Any:
        dealers = tuple(number.strip() for number in given["dealers"].split(","))
        rights = tuple(right.strip() for right in given.get("rights", ",".join(RIGHTS)).split(",") if right.strip())
        if unknown := [right for right in rights if right not in RIGHTS]:
            raise ActRefused(f"there is no right {unknown[0]!r}; there are {', '.join(RIGHTS)}")
        self._access.put_client(ClientUser(given["client_id"], given["client_secret"], dealers, rights))
        return {"client_id": given["client_id"], "dealers": dealers, "rights": rights}

    def _dealer(self, given: Mapping[str, Any]) -> str:
        number: str = given["dealer"]
        if number not in self._access.dealers:
            raise ActRefused(f"there is no dealer {number}; the act 'dealer' makes one known")
        return number

    def _kept(self, given: Mapping[str, Any]) -> Kept:
        dealer = self._dealer(given)
        return self._book.live(dealer, given["id"]) or self._book.get(dealer, given["id"])


def _by(given: Mapping[str, Any]) -> str:
    return str(given.get("by", "dealer"))


def _details(given: Mapping[str, Any]) -> Body:
    """The act's plain arguments, and its `fields` over them, as the contract's fields."""
    body: Body = {}
    for name, path in _PATHS.items():
        if name in given:
            _lay_over(body, _nested(path, given[name]))
    if "job" in given or "labour_units" in given:
        body["jobs"] = [{"title": given.get("job", "Werkstatt"), "labourUnits": given.get("labour_units", 0)}]
    fields = given.get("fields", {})
    if not isinstance(fields, dict):
        raise ActRefused("fields is an object")
    _lay_over(body, fields)
    return body


def _nested(path: tuple[str, ...], value: Any) -> Body:
    return {path[0]: _nested(path[1:], value) if len(path) > 1 else value}


def _lay_over(target: Body, upper: Body) -> None:
    for name, value in upper.items():
        if isinstance(value, dict) and isinstance(target.get(name), dict):
            _lay_over(target[name], value)
        else:
            target[name] = value


def _person(number: int) -> Body:
    first, last = _FIRST_NAMES[number % len(_FIRST_NAMES)], _LAST_NAMES[number % len(_LAST_NAMES)]
    return {
        "firstName": first,
        "lastName": last,
        "contact": {"email": f"kunde{number}@example.org", "mobile": f"+4915112{number:06d}"},
    }


def _letters(number: int) -> str:
    return chr(65 + number // 26 % 26) + chr(65 + number % 26)


def _listed(many: Iterable[Kept]) -> Any:
    """Many appointments in short, for there may be thousands."""
    bodies = [kept.read() for kept in many]
    return {"items": [{name: body[name] for name in ("id", "version", "status", "dropOffTime")} for body in bodies]}
