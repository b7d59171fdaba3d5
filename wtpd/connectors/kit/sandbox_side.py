"""What a connector's `sandbox.py` gets from the sandbox, and what it must offer (spec: sandbox.md).

The partner's side keeps its state in memory and writes every change through a `Journal`; the sandbox gives the
journal back at the next start. So reading is fast, and a kill loses nothing that was answered.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from wtpd.clock import Clock
from wtpd.texts import Text

Scope = MutableMapping[str, Any]
"""ASGI's scope, messages and callables, as Starlette types them."""
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

FEED_FAULTS = "wtpd.feed_faults"
"""Key in the ASGI scope: the feed faults (`repeat`, `reorder`, `delay`) that this answer must show."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """One argument of an act; `time` is RFC 3339, `json` any JSON value, `flag` a bool that is false if missing, `bool`
    one that is given as `on` or `off` on the command line."""

    name: str
    help: Text
    kind: Literal["text", "int", "float", "time", "json", "flag", "bool"] = "text"
    required: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Something that people on the partner's side do: `book`, `cancel`. Command line and API are made from it."""

    name: str
    help: Text
    arguments: tuple[Argument, ...] = ()


class ActRefused(Exception):
    """The act can't be played; the message says why, in English, for whoever plays."""


class Journal(Protocol):
    """Named records on disk: `put` and `drop` note a change at once, `load` gives what was there at the start, in the
    order in which the keys came first."""

    def load(self) -> Iterable[tuple[str, bytes]]: ...

    def put(self, key: str, value: bytes) -> None: ...

    def drop(self, key: str) -> None: ...


class Host(Protocol):
    """The sandbox as one partner sees it. `chance` comes from the seed; `clock` can be skewed by a fault."""

    @property
    def clock(self) -> Clock: ...

    @property
    def chance(self) -> random.Random: ...

    @property
    def address(self) -> str:
        """Where the partner is mounted, e.g. `http://127.0.0.1:8080/superservice`."""
        ...

    def journal(self, name: str) -> Journal: ...

    async def saved(self) -> None:
        """Wait until everything that was put so far is on disk."""
        ...


class PartnerSide(Protocol):
    """The partner as a real HTTP app, and its people."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None: ...

    @property
    def access_journals(self) -> frozenset[str]:
        """The journals of its logins and rules, which stay when its data are restored or emptied."""
        ...

    def state(self) -> Any:
        """Everything it holds, as a JSON value."""
        ...

    async def act(self, name: str, arguments: Mapping[str, Any]) -> Any:
        """Play one of the manifest's acts; the arguments are checked already. Raises `ActRefused`."""
        ...


class FeedFault(Protocol):
    """`seconds` is how long a delayed item is held back."""

    @property
    def kind(self) -> str: ...

    @property
    def seconds(self) -> float: ...
