"""Actions: what people can have a connector do, as data for forms, and the handler that does it (docs/connectors.md).

The daemon offers each action as `POST /v1/connectors/{connector}/actions/{action}`, checks role, licence, login, form
and confirmation, and calls the handler; screens and commands are made from the same data.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal, Protocol

from wtpd.connectors.access import Access
from wtpd.planner.appointment import Appointment
from wtpd.planner.customer import Customer
from wtpd.planner.vehicle import Vehicle
from wtpd.secrets.resolve import Order
from wtpd.texts import Text
from wtpd.vehicle_data.records import Restriction, Taxation

On = Literal["vehicle", "customer", "appointment", "connector", "search"]
"""What an action is done to: a record of the book, the connector itself, or a text that a search found nothing for."""

Record = Vehicle | Customer | Appointment

CHOOSE = "choose"
"""Name of the field (`digits`) by which an action learns which of its candidates is meant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionField:
    """One field of an action's form. `digits` is a whole number from `least` to `most`, `flag` true or false, `date` a
    day, all else one line of text with at most `longest` characters. `choices`: values with their labels; `site` is one
    of the box's sites, `assessor` a person's sign: these two say for whom the action is done, and so whose login is
    used."""

    name: str
    label: Text
    form: Literal["text", "digits", "date", "choice", "flag", "site", "assessor"] = "text"
    required: bool = False
    choices: tuple[tuple[str, Text], ...] = ()
    longest: int = 200
    least: int = 0
    most: int = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """A sentence of an answer."""

    text: Text
    tone: Literal["plain", "good", "warn"] = "plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A value of an answer. The screens write a `name` of the book (`odometer_km`, `make`) or one that ends in `_cents`
    as they do elsewhere."""

    name: str
    label: Text
    value: str | int | float | date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One of several things that may be meant; the action is done again with its `number` in the field `choose`."""

    number: int
    label: Text | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A field of the book that stayed as it was although the partner says something else."""

    ours: str
    theirs: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The answer of an action. `filled` and `differing`: fields of the book. `data`: the same for programs, as values
    of JSON in the connector's own form. With `candidates` nothing was done yet: somebody must choose."""

    remarks: tuple[Remark, ...] = ()
    facts: tuple[Fact, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    filled: Mapping[str, str] = field(default_factory=dict)
    differing: Mapping[str, Difference] = field(default_factory=dict)
    data: Any = None


class House(Protocol):
    """What wtpd does for an action on a vehicle, by the connector as a source of vehicle data, with the login of the
    action's order: answers are kept, equal questions are asked once, blanks of the book are filled. Raises `WtpdError`
    and the errors of `wtpd.channel.errors`."""

    async def identify(
        self, *, vin: str = "", restriction: Restriction = "ALL", refresh: bool = False, choose: int | None = None
    ) -> Done:
        """Find out what the vehicle is by its VIN, or by `vin` if it has none, and fill its blanks."""
        ...

    async def value(
        self,
        *,
        odometer_km: int | None = None,
        first_registration: date | None = None,
        taxation: Taxation | None = None,
    ) -> Done:
        """What the vehicle is worth that this connector identified before."""
        ...

    async def check(self) -> Done:
        """Ask the connector, a public register, about the vehicle by its plate, and fill its blanks."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One call of an action. `values`: by field, only what was given: text, int, bool or date. `record`: what it is
    done to, as it is now; None for actions on the connector or a search, whose text is `on`. `access`: settings,
    clock, HTTP (closed after the call) and the credentials that serve `order`."""

    values: Mapping[str, Any]
    on: str
    record: Record | None
    order: Order
    actor: str
    access: Access
    house: House


Handler = Callable[[Asked], Awaitable[Done]]
"""Does an action. Raises `Invalid` (its problems name fields of the form), `Refused`, and the errors of
`wtpd.channel.errors`; whatever else it raises is a fault of the connector. It runs in the event loop and must not block
it. When its time is over, or wtpd stops, it is cancelled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """Something that people can have a connector do, beside what it does by itself. `confirm`: a sentence that somebody
    must agree to first, where it costs something or can't be undone. `seconds`: its time limit."""

    name: str
    label: Text
    on: On
    handler: Handler
    confirm: Text | None = None
    fields: tuple[ActionField, ...] = ()
    seconds: float = 100.0
