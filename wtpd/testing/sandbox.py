"""A real sandbox on loopback, its control panel, and what a connector gets of the house in tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from wtpd.clock import Clock, SystemClock
from wtpd.connectors.kit.access import ConnectorAccess
from wtpd.connectors.manifest import Access, Manifest, Secrets
from wtpd.sandbox.act import Control
from wtpd.sandbox.server import RunningSandbox, sandbox_server


@dataclass(frozen=True, slots=True)
class Sandbox:
    """The sandbox while it runs: `control` plays, sets faults and looks; `partner` gives the address to configure."""

    running: RunningSandbox
    control: Control

    def partner(self, name: str) -> str:
        return self.running.partner(name)


@asynccontextmanager
async def running_sandbox(
    folder: Path,
    *,
    manifests: Iterable[Manifest] | None = None,
    clock: Clock | None = None,
    seed: int = 0,
    port: int = 0,
) -> AsyncIterator[Sandbox]:
    """Run the sandbox in this event loop, its state in `folder`. `manifests`: all that are installed, if not given;
    `port` 0: a free one."""
    async with (
        sandbox_server(folder, manifests=manifests, clock=clock, seed=seed, port=port) as running,
        Control(running.address) as control,
    ):
        yield Sandbox(running, control)


def giving(secrets: Mapping[str, str]) -> Secrets:
    """Return a credential store that holds just these fields."""

    async def give() -> Mapping[str, str]:
        return secrets

    return give


def access_to(
    manifest: Manifest,
    address: str,
    secrets: Mapping[str, str] | None = None,
    *,
    read_timeout: float = 10.0,
    total_timeout: float = 20.0,
) -> Access:
    """Return what a connector gets of the house: its partner at `address`, its credentials `secrets`; times in seconds,
    kept as milliseconds."""
    settings = manifest.settings(
        address=address, read_timeout=f"{read_timeout * 1000:.0f}ms", total_timeout=f"{total_timeout * 1000:.0f}ms"
    )
    return ConnectorAccess(manifest.name, settings, SystemClock(), giving(secrets or {}))
