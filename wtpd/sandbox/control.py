"""`/_sandbox/…`: what was asked, what the partners hold, their people, their faults."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from wtpd.connectors.kit.asgi import problem
from wtpd.connectors.kit.sandbox_side import Act, ActRefused, Argument
from wtpd.sandbox.faults import Fault

if TYPE_CHECKING:
    from wtpd.sandbox.mounted import Mounted
    from wtpd.sandbox.requests import RequestLog

_TYPES: Mapping[str, tuple[type, ...]] = {
    "text": (str,),
    "time": (str,),
    "int": (int,),
    "float": (int, float),
    "flag": (bool,),
    "bool": (bool,),
}


class _Refused(Exception):
    def __init__(self, status: int, title: str) -> None:
        super().__init__(title)
        self.status = status


def control_app(log: RequestLog, partners: Mapping[str, Mounted]) -> Starlette:
    """The app for people and tests; it has no access control: the sandbox listens on loopback."""

    def at(path: str, work: Callable[[Request, Mounted], Awaitable[Any]], method: str) -> Route:
        async def endpoint(request: Request) -> Response:
            name = request.path_params["partner"]
            if name not in partners:
                raise _Refused(404, f"there is no partner named {name!r}")
            return _json(await work(request, partners[name]))

        return Route(f"/_sandbox/{{partner}}{path}", endpoint, methods=[method])

    async def index(request: Request) -> Response:
        return _json({"partners": {name: {"address": one.address} for name, one in partners.items()}})

    async def requests(request: Request) -> Response:
        try:
            return _json(await log.find(request.query_params))
        except ValueError as error:
            raise _Refused(422, str(error)) from None

    routes = [
        Route("/_sandbox", index),
        Route("/_sandbox/", index),
        Route("/_sandbox/requests", requests),
        at("/state", _state, "GET"),
        at("/acts", _acts, "GET"),
        at("/faults", _faults, "GET"),
        at("/faults", _add_fault, "POST"),
        at("/faults", _clear_faults, "DELETE"),
        at("/faults/{id:int}", _remove_fault, "DELETE"),
        at("/snapshot", _keep, "POST"),
        at("/restore", _put_back, "POST"),
        at("/empty", _empty, "POST"),
        at("/{act}", _play, "POST"),
    ]
    return Starlette(routes=routes, exception_handlers={_Refused: _problem})


def checked(act: Act, given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of an act, by their description. Raises ValueError that says what is wrong."""
    known = {argument.name: argument for argument in act.arguments}
    for name in given:
        if name not in known:
            raise ValueError(f"{act.name} has no argument {name!r}; it has {', '.join(known)}")
    return {name: _checked(one, given.get(name)) for name, one in known.items() if one.required or name in given}


def _checked(argument: Argument, value: Any) -> Any:
    if value is None:
        raise ValueError(f"{argument.name} is missing")
    if argument.kind != "json" and not _is(value, argument.kind):
        raise ValueError(f"{argument.name} is not of kind {argument.kind}")
    if argument.choices and value not in argument.choices:
        raise ValueError(f"{argument.name} is one of {', '.join(argument.choices)}")
    if argument.kind == "time" and datetime.fromisoformat(value).tzinfo is None:
        raise ValueError(f"{argument.name} is a time without an offset")
    return value


def _is(value: Any, kind: str) -> bool:
    return isinstance(value, _TYPES[kind]) and (kind in ("flag", "bool") or not isinstance(value, bool))


async def _state(request: Request, partner: Mounted) -> Any:
    return partner.side.state()


async def _acts(request: Request, partner: Mounted) -> Any:
    return [
        {
            "name": act.name,
            "help": str(act.help),
            "arguments": [
                {"name": one.name, "help": str(one.help), "kind": one.kind, "required": one.required}
                | ({"choices": list(one.choices)} if one.choices else {})
                for one in act.arguments
            ],
        }
        for act in partner.manifest.acts
    ]


async def _faults(request: Request, partner: Mounted) -> Any:
    return {"items": [rule.told() for rule in partner.faults]}


async def _add_fault(request: Request, partner: Mounted) -> Any:
    try:
        fault = msgspec.json.decode(await request.body(), type=Fault)
    except msgspec.DecodeError as error:
        raise _Refused(422, str(error)) from None
    return partner.faults.add(fault).told()


async def _clear_faults(request: Request, partner: Mounted) -> Any:
    partner.faults.clear()
    return {"items": []}


async def _remove_fault(request: Request, partner: Mounted) -> Any:
    number = request.path_params["id"]
    if not partner.faults.remove(number):
        raise _Refused(404, f"there is no fault {number}")
    return {"items": [rule.told() for rule in partner.faults]}


class _Copy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`name`: of a copy of what a partner holds."""

    name: Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{1,64}$")] = "snapshot"


async def _named(request: Request) -> str:
    try:
        return msgspec.json.decode(await request.body() or b"{}", type=_Copy).name
    except msgspec.DecodeError as error:
        raise _Refused(422, str(error)) from None


async def _keep(request: Request, partner: Mounted) -> Any:
    name = await _named(request)
    await partner.keep(name)
    return {"name": name}


async def _put_back(request: Request, partner: Mounted) -> Any:
    name = await _named(request)
    if not await partner.put_back(name):
        raise _Refused(404, f"there is no snapshot {name!r}")
    return {"name": name}


async def _empty(request: Request, partner: Mounted) -> Any:
    await partner.put_back(None)
    return {}


async def _play(request: Request, partner: Mounted) -> Any:
    name = request.path_params["act"]
    act = next((act for act in partner.manifest.acts if act.name == name), None)
    if act is None:
        raise _Refused(
            404, f"there is no act {name!r}; there are {', '.join(act.name for act in partner.manifest.acts)}"
        )
    try:
        given = msgspec.json.decode(await request.body() or b"{}", type=dict[str, Any])
        return await partner.side.act(name, checked(act, given))
    except ActRefused as error:
        raise _Refused(409, str(error)) from None
    except ValueError as error:  # msgspec's DecodeError is one
        raise _Refused(422, str(error)) from None


def _json(value: Any) -> Response:
    return Response(msgspec.json.encode(value), media_type="application/json")


async def _problem(request: Request, error: Exception) -> Response:
    status = error.status if isinstance(error, _Refused) else 500
    answer = problem(status, str(error))
    return Response(answer.body, status, media_type="application/problem+json")
