"""The sandbox as one ASGI app: every partner under `/<partner>/`, its people and faults under `/_sandbox/`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from email.utils import format_datetime
from typing import TYPE_CHECKING

from wtpd.clock import Clock
from wtpd.connectors.kit.asgi import Gone, TooLarge, body_of, problem, replay
from wtpd.connectors.kit.sandbox_side import FEED_FAULTS, Message, Receive, Scope, Send
from wtpd.connectors.manifest import Manifest
from wtpd.sandbox.fault_effects import Mischief
from wtpd.sandbox.faults import FaultBoard, SkewedClock
from wtpd.sandbox.mounted import Mounted, SandboxHost
from wtpd.sandbox.requests import RequestLog
from wtpd.sandbox.state import State

if TYPE_CHECKING:
    from starlette.types import ASGIApp

CONTROL = "_sandbox"


class Sandbox:
    """The ASGI app. `control` answers everything under `/_sandbox/`."""

    def __init__(self, state: State, log: RequestLog, partners: Mapping[str, Mounted]) -> None:
        from wtpd.sandbox.control import control_app

        self.log = log
        self.partners = partners
        self._state = state
        self._control: ASGIApp = control_app(log, partners)

    @classmethod
    async def open(
        cls, state: State, manifests: Iterable[Manifest], *, clock: Clock, seed: int, address: str
    ) -> Sandbox:
        """The sandbox over `state`; connectors without a sandbox are left out."""
        partners = {}
        for manifest in manifests:
            if manifest.sandbox is not None:
                faults = FaultBoard(f"{seed}/{manifest.name}/faults")
                skewed = SkewedClock(clock, faults)
                host = SandboxHost(manifest.name, state, skewed, seed, address)
                side = await asyncio.to_thread(manifest.sandbox, host)  # reads its contract
                partners[manifest.name] = Mounted(manifest, side, faults, skewed, host.address, host, state)
        return cls(state, await RequestLog.open(state, clock), partners)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise ValueError("the sandbox speaks HTTP only")
        _, name, *rest = scope["path"].split("/", 2)
        if name == CONTROL:
            await self._control(scope, receive, send)
        elif (partner := self.partners.get(name)) is not None:
            await self._serve(partner, "/" + "".join(rest), scope, receive, send)
        else:
            await problem(404, "There is no such partner", partners=sorted(self.partners)).send(send)

    async def _serve(self, partner: Mounted, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        watched = _Watched(send, partner.clock)
        try:
            body = await body_of(receive)
        except Gone:
            return
        except TooLarge:
            await problem(413, "The request is too large", {"Connection": "close"}).send(watched)
            return
        rule, feed = partner.faults.pick(scope["method"], path)
        shown = [rule.fault.kind] if rule else [fault.kind for fault in feed]
        noted = self.log.begin(partner.manifest.name, scope, path, body, ",".join(shown) or None)
        inner = {**scope, "path": path, "root_path": "/" + partner.manifest.name, FEED_FAULTS: feed}
        app = partner.side if rule is None else Mischief(partner.side, rule.fault, partner.clock, partner.faults.chance)
        try:
            await app(inner, replay(body, receive), watched)
        finally:
            noted.end(watched.status)


class _Watched:
    """Passes an answer on, with a Date by the partner's clock, and remembers its status."""

    __slots__ = ("_clock", "_send", "status")

    def __init__(self, send: Send, clock: Clock) -> None:
        self._send = send
        self._clock = clock
        self.status: int | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            date = format_datetime(self._clock.now(), usegmt=True).encode()
            message["headers"] = [*message.get("headers", ()), (b"date", date)]
        await self._send(message)
