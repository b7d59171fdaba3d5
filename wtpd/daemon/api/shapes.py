"""What callers may send: the planner's records as typed input with limits, and merge patches of them (RFC 7396)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Annotated, Any, cast, get_type_hints

import msgspec
from msgspec import UNSET, Meta, Struct

from wtpd.planner.appointment import ElementKind, Status, TransportOption

YEARS = range(1900, 2200)
"""Years that a date or time may lie in."""

_ONE_LINE = r"^[^\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]*$(?!\n)"
"""`$` alone would let a line break at the end pass. The last two ranges turn the direction of writing."""
_LINES = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]*$(?!\n)"

Line = Annotated[str, Meta(max_length=200, pattern=_ONE_LINE)]
Lines = Annotated[str, Meta(max_length=10_000, pattern=_LINES)]
Sign = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[^\x00-\x20\x7f/]+$(?!\n)")]
"""A short id: of a site, an advisor, a courtesy car, a record."""
Name = Annotated[str, Meta(min_length=1, max_length=64, pattern=_ONE_LINE)]
Moment = Annotated[datetime, Meta(tz=True)]
Kilometres = Annotated[int, Meta(ge=0, le=10_000_000)]
Limit = Annotated[int, Meta(ge=1, le=500)]
Search = Annotated[str, Meta(max_length=200)]
Weekday = Annotated[int, Meta(ge=1, le=7)]


class Input(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What all input shares: unknown fields are errors, and times lie in this age."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if isinstance(value, date) and value.year not in YEARS:
                raise ValueError(f"Year out of range in `{name}`")


class ElementInput(Input, frozen=True, kw_only=True):
    kind: ElementKind
    code: Line = ""
    title: Line = ""
    quantity: Annotated[float, Meta(ge=-1_000_000, le=1_000_000)] = 1
    price_cents: Annotated[int, Meta(ge=-100_000_000, le=100_000_000)] | None = None


class WorkInput(Input, frozen=True, kw_only=True):
    code: Line = ""
    title: Name
    description: Lines = ""
    labour_units: Annotated[float, Meta(ge=0, le=100_000)] = 0
    price_cents: Annotated[int, Meta(ge=0, le=100_000_000)] | None = None
    elements: Annotated[tuple[ElementInput, ...], Meta(max_length=200)] = ()


class AppointmentInput(Input, frozen=True, kw_only=True):
    site: Sign
    department: Name
    drop_off: Moment
    collection: Moment
    status: Status = Status.SCHEDULED
    customer_id: Sign | None = None
    vehicle_id: Sign | None = None
    advisor: Sign | None = None
    interventions: Annotated[tuple[WorkInput, ...], Meta(max_length=100)] = ()
    transport_option: Annotated[str, Meta(min_length=1, max_length=64, pattern=_ONE_LINE)] = TransportOption.NONE.value
    courtesy_car: Sign | None = None
    customer_waiting: bool = False
    notes: Lines = ""
    dms_number: Line | None = None
    work_order: Line | None = None
    planned_in: Moment | None = None
    planned_out: Moment | None = None
    car_in: Moment | None = None
    car_out: Moment | None = None
    quote_made: bool = False
    billed: bool = False
    dms_notes: Lines = ""
    dms_created_at: Moment | None = None
    internal_order: bool = False


class PermissionInput(Input, frozen=True, kw_only=True):
    allowed: bool
    since: date
    source: Line


class CustomerInput(Input, frozen=True, kw_only=True):
    number: Line | None = None
    company: Line = ""
    salutation: Line = ""
    title: Line = ""
    first_name: Line = ""
    last_name: Line = ""
    street: Line = ""
    house_number: Line = ""
    postcode: Line = ""
    city: Line = ""
    country: Line = ""
    email: Line = ""
    phone: Line = ""
    mobile: Line = ""
    business_email: Line = ""
    business_phone: Line = ""
    business_mobile: Line = ""
    lease_company: Line = ""
    permissions: Annotated[dict[Sign, PermissionInput], Meta(max_length=20)] = {}


class VehicleInput(Input, frozen=True, kw_only=True):
    plate: Line = ""
    vin: Line = ""
    make: Line = ""
    model: Line = ""
    fuel: Line = ""
    engine_number: Line = ""
    notes: Lines = ""
    first_registration: date | None = None
    inspection_due: date | None = None
    warranty_start: date | None = None
    warranty_end: date | None = None
    odometer_km: Kilometres | None = None
    odometer_date: date | None = None
    odometer_source: Line = ""
    driver: Sign | None = None
    owner: Sign | None = None
    contractor: Sign | None = None


class PeriodInput(Input, frozen=True, kw_only=True):
    start: Moment
    end: Moment
    reason: Line = ""


LocalTime = Annotated[time, Meta(tz=False)]
Span = tuple[LocalTime, LocalTime]
Periods = Annotated[tuple[PeriodInput, ...], Meta(max_length=500)]


class AdvisorInput(Input, frozen=True, kw_only=True):
    id: Sign
    name: Name
    site: Sign
    department: Name
    weekly_hours: Annotated[dict[Weekday, Annotated[tuple[Span, ...], Meta(max_length=10)]], Meta(max_length=7)] = {}
    absences: Periods = ()
    active: bool = True


class CourtesyCarInput(Input, frozen=True, kw_only=True):
    id: Sign
    plate: Name
    make: Line = ""
    model: Line = ""
    vehicle_class: Line = ""
    features: Annotated[tuple[Line, ...], Meta(max_length=50)] = ()
    site: Sign
    out_of_service: Periods = ()
    active: bool = True


class ClosureInput(Input, frozen=True, kw_only=True):
    site: Sign
    department: Name | None = None
    start: Moment
    end: Moment
    reason: Line = ""


def patch_of(shape: type[Input], *, without: frozenset[str] = frozenset()) -> type[Input]:
    """The merge patch of `shape`: every field may be left out, and null gives a field its default."""
    fields: list[tuple[str, Any, Any]] = []
    hints = get_type_hints(shape, include_extras=True)
    for known in msgspec.structs.fields(shape):
        if known.name in without:
            continue
        wanted = hints[known.name]
        if not known.required:
            wanted = _values_may_go(wanted) | None
        fields.append((known.name, wanted | msgspec.UnsetType, UNSET))
    name = shape.__name__.replace("Input", "Patch")
    made = msgspec.defstruct(name, fields, bases=(Input,), frozen=True, kw_only=True, forbid_unknown_fields=True)
    return cast(type[Input], made)


def given(patch: Input, shape: type[Input], record: type[Any]) -> dict[str, Any]:
    """The fields that a patch names, as typed values of `record`'s fields, for `wtpd.planner.changes.merged`."""
    defaults = {known.name: _default(known) for known in msgspec.structs.fields(shape)}
    found: dict[str, Any] = {}
    for name in patch.__struct_fields__:
        value = getattr(patch, name)
        if value is UNSET:
            continue
        found[name] = _typed(defaults[name] if value is None else value, _hints(record)[name])
    return found


def values_of(body: Input, record: type[Any]) -> dict[str, Any]:
    """All fields of an input, as typed values of `record`'s fields."""
    hints = _hints(record)
    return {name: _typed(getattr(body, name), hints[name]) for name in body.__struct_fields__}


def _typed(value: Any, wanted: Any) -> Any:
    """Input shapes as the planner's records; in a mapping, None marks what goes."""
    if isinstance(value, Mapping):
        gone = {key: None for key, one in value.items() if one is None}
        kept = {key: one for key, one in value.items() if one is not None}
        return {**msgspec.convert(kept, wanted, from_attributes=True), **gone}
    return msgspec.convert(value, wanted, from_attributes=True)


def _values_may_go(wanted: Any) -> Any:
    """`dict[K, V]` → `dict[K, V | None]`: null takes a key away."""
    extras: tuple[Any, ...] = getattr(wanted, "__metadata__", ())
    inner = wanted.__origin__ if extras else wanted
    if getattr(inner, "__origin__", None) is dict:
        key, value = inner.__args__
        changed = dict[key, value | None]  # type: ignore[valid-type] # types as values
        return Annotated[(changed, *extras)] if extras else changed
    return wanted


def _default(known: msgspec.structs.FieldInfo) -> Any:
    if known.default_factory is not msgspec.NODEFAULT:
        return known.default_factory()
    return None if known.required else known.default


def _hints(record: type[Any]) -> dict[str, Any]:
    found = _HINTS.get(record)
    if found is None:
        found = _HINTS[record] = get_type_hints(record)
    return found


_HINTS: dict[type[Any], dict[str, Any]] = {}
