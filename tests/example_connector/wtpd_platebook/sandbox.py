"""Platebook's side as a real HTTP app. It never imports `wire` or `connector`: both are held to the contract, not to
each other."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from wtpd.connectors.kit.asgi import Answer, body_of, problem
from wtpd.connectors.kit.sandbox_side import ActRefused, Host, Receive, Scope, Send


class PlatebookSide:
    def __init__(self, host: Host) -> None:
        self._host = host
        self._vehicles = host.journal("vehicles")
        self._tokens = host.journal("tokens")
        self._makes = {vin: make.decode() for vin, make in self._vehicles.load()}
        self._token = dict(self._tokens.load()).get("token", b"sandbox-token").decode()

    @property
    def access_journals(self) -> frozenset[str]:
        return frozenset({"tokens"})

    def state(self) -> Any:
        return {"vehicles": self._makes}

    async def act(self, name: str, arguments: Mapping[str, Any]) -> Any:
        if name == "token":
            self._token = arguments["token"]
            self._tokens.put("token", self._token.encode())
        elif len(arguments["vin"]) != 17:
            raise ActRefused("a VIN has 17 characters")
        else:
            self._makes[arguments["vin"]] = arguments["make"]
            self._vehicles.put(arguments["vin"], arguments["make"].encode())
        await self._host.saved()
        return dict(arguments)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await body_of(receive)
        await self._answer(scope).send(send)

    def _answer(self, scope: Scope) -> Answer:
        if dict(scope["headers"]).get(b"authorization") != f"Bearer {self._token}".encode():
            return problem(401, "This token isn't good")
        if scope["path"].endswith("/me"):
            return _json({"name": "Autohaus"})
        if scope["path"].endswith("/vehicles"):
            vin = parse_qs(scope["query_string"].decode()).get("vin", [""])[0]
            return _json({"vehicles": [{"vin": vin, "make": self._makes[vin]}] if vin in self._makes else []})
        if scope["path"].endswith("/owners"):
            return _json({"owners": 1 if b"since=" in scope["query_string"] else 4})
        return problem(404, "There is no such page")


def _json(value: Any) -> Answer:
    return Answer(200, [(b"content-type", b"application/json")], json.dumps(value).encode())
