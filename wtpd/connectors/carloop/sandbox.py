"""Carloop's side as a real HTTP app, as strict as `contract.yaml` (spec: sandbox.md).

Every request is checked against the contract; the handlers below are its operations, by their ids.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from wtpd.connectors.carloop.sandbox_fleet import Fleet
from wtpd.connectors.carloop.sandbox_play import Play
from wtpd.connectors.carloop.sandbox_rentals import Kept, Rentals
from wtpd.connectors.carloop.sandbox_rules import Rules
from wtpd.connectors.kit.asgi import Answer, TooLarge, body_of
from wtpd.connectors.kit.contract import Checked, Contract, Refusal
from wtpd.connectors.kit.sandbox_side import Host, Receive, Scope, Send

CONTRACT_FILE = Path(__file__).with_name("contract.yaml")
BODY_LIMIT = 1024 * 1024
_PAGE = "<!doctype html><html lang=de><title>Carloop</title><h1>Carloop</h1><p>Bitte melden Sie sich an.</html>"
_JSON = (b"content-type", b"application/json; charset=utf-8")
_MISSING = re.compile(r'"([A-Za-z]+)" is a required property')

_CODES = {
    "not-found": "ADRESSE_UNBEKANNT", "method": "METHODE_UNGUELTIG", "parameter": "PARAMETER_UNGUELTIG",
    "precondition-required": "IF_MATCH_FEHLT", "media-type": "MEDIENTYP_UNGUELTIG", "syntax": "JSON_UNGUELTIG",
    "invalid": "FELD_UNGUELTIG",
}  # fmt: skip
"""Codes for what the contract's checks refuse; the contract names none for them."""

_encode = msgspec.json.Encoder(decimal_format="number").encode


@cache
def contract() -> Contract:
    """The contract in its strict form."""
    return Contract.load(CONTRACT_FILE)


class CarloopSide:
    """The partner (`wtpd.connectors.kit.sandbox_side.PartnerSide`)."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._contract = contract()
        self._rules = Rules(host)
        self._fleet = Fleet(host)
        self._rentals = Rentals(host, self._fleet, self._rules)
        self._play = Play(host, self._rules, self._fleet, self._rentals)
        self._operations: Mapping[str, Callable[[str, Checked], Answer]] = {
            "terms": self._terms,
            "search": self._search,
            "book": self._book,
            "rentals": self._list,
            "rental": self._rental,
            "changeEnd": self._change_end,
            "cancel": self._cancel,
        }

    @property
    def access_journals(self) -> frozenset[str]:
        return frozenset({"tokens", "rules"})

    def state(self) -> Any:
        rentals = [msgspec.to_builtins(kept) for kept in self._rentals.all.values()]
        return {**self._fleet.state(), "rentals": rentals, "rules": self._rules.state()}

    async def act(self, name: str, arguments: Mapping[str, Any]) -> Any:
        result = self._play.act(name, arguments)
        await self._host.saved()
        return result

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            answer = self._answered(scope, await body_of(receive))
            await self._host.saved()
        except TooLarge:
            answer = _refused(Refusal(413, "ZU_GROSS", "Die Anfrage ist zu groß."))
        except Refusal as refusal:
            answer = _refused(refusal)
        await answer.send(send)

    def _answered(self, scope: Scope, body: bytes) -> Answer:
        if (page := self._web_page(scope["path"])) is not None:
            return page
        operation, in_path = self._contract.operation(scope["method"], scope["path"])
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        branch = self._rules.branch(headers.get("authorization", ""))
        if len(body) > BODY_LIMIT:
            raise Refusal(413, "ZU_GROSS", "Die Anfrage ist zu groß.")
        request = self._contract.checked(operation, in_path, scope["query_string"], headers, body)
        return self._operations[operation.id](branch, request)

    def _web_page(self, path: str) -> Answer | None:
        """What people get who look at Carloop with a browser."""
        if path.startswith("/login") or self._rules.web == "page":
            return Answer(200, [(b"content-type", b"text/html; charset=utf-8")], _PAGE.encode())
        if not path.startswith("/api/") or self._rules.web == "login":
            return Answer(302, [(b"location", f"{self._host.address}/login".encode())])
        return None

    # --- the operations

    def _terms(self, branch: str, request: Checked) -> Answer:
        terms = {"minVorlaufMinuten": self._rules.lead, "pflichtfelder": self._rules.required_fields}
        return _answer(200, self._fleet.terms(branch) | terms)

    def _search(self, branch: str, request: Checked) -> Answer:
        return _answer(200, self._rentals.search(branch, request.body))

    def _book(self, branch: str, request: Checked) -> Answer:
        kept, is_new = self._rentals.book(branch, request.body)
        return self._shown(kept, 201 if is_new else 200)

    def _list(self, branch: str, request: Checked) -> Answer:
        return _answer(200, self._rentals.listed(branch, request.parameters))

    def _rental(self, branch: str, request: Checked) -> Answer:
        return self._shown(self._rentals.get(branch, request.parameters["nr"]))

    def _change_end(self, branch: str, request: Checked) -> Answer:
        kept = self._rentals.get(branch, request.parameters["nr"])
        if request.parameters["If-Match"] != _etag(kept):
            text = "Der Vorgang wurde inzwischen geändert."
            raise Refusal(412, "VERSION_VERALTET", text, headers={"ETag": _etag(kept)})
        return self._shown(self._rentals.change_end(kept, request.body))

    def _cancel(self, branch: str, request: Checked) -> Answer:
        kept = self._rentals.get(branch, request.parameters["nr"])
        if not request.body["grund"].strip():
            raise Refusal(422, "PFLICHTFELD", "Der Grund fehlt.", feld="grund")
        return self._shown(self._rentals.cancel(kept, request.body["grund"]))

    def _shown(self, kept: Kept, status: int = 200) -> Answer:
        answer = _answer(status, self._rentals.shown(kept))
        answer.header(b"etag", _etag(kept).encode())
        return answer


def _etag(kept: Kept) -> str:
    return f'"v{kept.version}"'


def _answer(status: int, value: Any) -> Answer:
    return Answer(status, [_JSON], _encode(value))


def _refused(refusal: Refusal) -> Answer:
    more = dict(refusal.more)
    by_field = {error["field"]: error for error in reversed(more.pop("errors", ()))}
    missing = [error for error in refusal.more.get("errors", ()) if _MISSING.search(error["detail"])]
    faults = [_fault(error) for error in missing or by_field.values()]
    more.pop("detail", None)
    code = _CODES.get(refusal.slug, refusal.slug)
    faults = faults or [{"code": code, "feld": more.pop("feld", None), "text": refusal.title}]
    answer = _answer(refusal.status, {"fehler": faults, **more})
    for name, value in refusal.headers.items():
        answer.header(name.lower().encode(), value.encode())
    return answer


def _fault(error: Mapping[str, str]) -> dict[str, str]:
    """What the schema says about a field."""
    missing = _MISSING.search(error["detail"])
    if missing is None:
        return {"code": "FELD_UNGUELTIG", "feld": error["field"], "text": error["detail"]}
    field = ".".join(part for part in (error["field"], missing[1]) if part)
    return {"code": "PFLICHTFELD", "feld": field, "text": "Dieses Feld fehlt."}
