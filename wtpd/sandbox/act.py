"""The sandbox's control panel from outside: acts, faults, state and requests over `/_sandbox/` (spec: sandbox.md).

What can be played is in the manifests (`Manifest.acts`); command lines are made from that.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

import httpx

from wtpd.errors import Refused, Unavailable
from wtpd.network_words import no_connection
from wtpd.texts import N_

TIME_LIMIT = 60.0


class Control:
    """Drives the sandbox at `address` (as `RunningSandbox.address`). Use it with `async with`.

    Its methods raise `Refused` with the sandbox's own sentence, and `Unavailable` if nobody answers.
    """

    def __init__(self, address: str) -> None:
        self._http = httpx.AsyncClient(base_url=f"{address.rstrip('/')}/_sandbox", timeout=TIME_LIMIT, trust_env=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def act(self, partner: str, act: str, **arguments: Any) -> Any:
        """Play an act, e.g. `act("superservice", "book", dealer="00123", by="customer_app")`."""
        return await self._ask("POST", f"/{partner}/{act}", json=arguments)

    async def state(self, partner: str) -> Any:
        """Everything the partner holds."""
        return await self._ask("GET", f"/{partner}/state")

    async def requests(self, **wanted: Any) -> Any:
        """The requests that match: `partner`, `method`, `path` (a glob), `key`, `status`, `after`, `limit`."""
        return await self._ask("GET", "/requests", params=wanted)

    async def fault(self, partner: str, kind: str, **more: Any) -> Any:
        """Put a fault (`wtpd.sandbox.faults.Fault`) in force."""
        return await self._ask("POST", f"/{partner}/faults", json={"kind": kind, **more})

    async def faults(self, partner: str) -> Any:
        return await self._ask("GET", f"/{partner}/faults")

    async def remove_fault(self, partner: str, number: int) -> None:
        await self._ask("DELETE", f"/{partner}/faults/{number}")

    async def clear_faults(self, partner: str) -> None:
        await self._ask("DELETE", f"/{partner}/faults")

    async def snapshot(self, partner: str, name: str = "snapshot") -> None:
        """Keep a copy of what the partner holds, on disk."""
        await self._ask("POST", f"/{partner}/snapshot", json={"name": name})

    async def restore(self, partner: str, name: str = "snapshot") -> None:
        """Put a copy back, as a partner does that restores a backup; its logins and rules stay."""
        await self._ask("POST", f"/{partner}/restore", json={"name": name})

    async def empty(self, partner: str) -> None:
        """Take everything from the partner except its logins and rules; it begins with the first number again."""
        await self._ask("POST", f"/{partner}/empty")

    async def _ask(self, method: str, path: str, **options: Any) -> Any:
        try:
            answer = await self._http.request(method, path, **options)
        except httpx.TransportError as error:
            raise Unavailable(N_("The sandbox doesn't answer: {reason}", reason=no_connection(error))) from error
        document = answer.json()
        if answer.is_error:
            raise Refused(N_("The sandbox refuses: {reason}", reason=document.get("title", answer.status_code)))
        return document
