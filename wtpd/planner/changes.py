"""What differs between two states of a record, and a new state from a patch (spec: planner.md, history)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import date, datetime, time
from enum import Enum
from functools import cache
from typing import Any, TypeVar, get_type_hints

import msgspec

from wtpd.clock import iso
from wtpd.errors import Invalid, Problem
from wtpd.planner.history import Change
from wtpd.shape_words import why_shape
from wtpd.texts import N_

R = TypeVar("R")

_PLAIN = frozenset((str, int, float, bool, type(None)))

UNTRACKED = frozenset({"id", "version"})
"""Fields that are no change of their own."""


def json_value(value: Any) -> Any:
    """The value as JSON has it; times as RFC 3339 in UTC."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str):
        return value
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, tuple | list | set | frozenset):
        return [json_value(each) for each in value]
    if isinstance(value, dict | Mapping):
        return {str(key): json_value(each) for key, each in value.items()}
    if dataclasses.is_dataclass(value):
        found = {}
        for name in _names(_type(value)):
            each = getattr(value, name)
            found[name] = each if type(each) in _PLAIN else json_value(each)
        return found
    raise TypeError(f"no JSON value: {type(value).__name__}")


def diff(old: Any, new: Any) -> dict[str, Change]:
    """Field by field, old and new value of what differs between two records of one kind; id and version don't count.
    `old` None: a new record, whose fields are listed if they differ from their defaults."""
    found = {}
    for name, default in _tracked(_type(new)):
        after = getattr(new, name)
        before = default if old is None else getattr(old, name)
        if before is after or before == after:
            continue
        before, after = None if before is dataclasses.MISSING else json_value(before), json_value(after)
        if before != after:
            found[name] = Change(None if old is None else before, after)
    return found


def merged(record: R, changes: Mapping[str, Any]) -> R:
    """The record with these typed values. In a field that is a mapping only the named keys change, and None takes a
    key away (RFC 7396). Raises Invalid for a field the record hasn't, and for id and version."""
    names = _changeable(_type(record))
    unknown = [name for name in changes if name not in names]
    if unknown:
        raise Invalid(
            N_("There is no such field."), problems=[Problem(name, N_("This field doesn't exist.")) for name in unknown]
        )
    values = {}
    for name, value in changes.items():
        before = getattr(record, name)
        if type(before) not in _PLAIN and isinstance(before, Mapping) and isinstance(value, Mapping):
            value = {key: each for key, each in {**before, **value}.items() if each is not None}
        values[name] = value
    return dataclasses.replace(record, **values)  # type: ignore[type-var] # every R of ours is a dataclass


def typed(record_type: Any, patch: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON merge patch (RFC 7396) as typed values for `merged`; null gives the field its default. Raises Invalid
    that names every field at fault."""
    types, values, problems = _types(record_type), {}, []
    for name, value in patch.items():
        field = types.get(name)
        if field is None or name in UNTRACKED:
            problems.append(Problem(name, N_("This field doesn't exist.")))
            continue
        wanted, default = field
        if type(value) is wanted and wanted in _PLAIN:
            values[name] = value
            continue
        if value is None and default is not dataclasses.MISSING:
            values[name] = default
            continue
        try:
            keys_to_drop = {key: None for key, each in value.items() if each is None} if _is_map(wanted, value) else {}
            kept = {key: each for key, each in value.items() if each is not None} if keys_to_drop else value
            converted = msgspec.convert(kept, wanted, strict=True)
            values[name] = {**converted, **keys_to_drop} if keys_to_drop else converted
        except msgspec.ValidationError as error:
            problems.append(Problem(name, N_("This value doesn't fit: {reason}", reason=why_shape(error))))
    if problems:
        raise Invalid(N_("Some fields are wrong."), problems=problems)
    return values


def _is_map(wanted: Any, value: Any) -> bool:
    return isinstance(value, Mapping) and getattr(wanted, "__origin__", None) is Mapping


def _type(record: Any) -> Any:
    return type(record)


@cache
def _tracked(record_type: Any) -> tuple[tuple[str, Any], ...]:
    """Names and defaults of the fields whose changes are told."""
    return tuple((each.name, _default(each)) for each in dataclasses.fields(record_type) if each.name not in UNTRACKED)


@cache
def _names(record_type: Any) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(record_type))


@cache
def _changeable(record_type: Any) -> frozenset[str]:
    return frozenset(_names(record_type)) - UNTRACKED


@cache
def _types(record_type: Any) -> dict[str, tuple[Any, Any]]:
    hints = get_type_hints(record_type)
    return {field.name: (hints[field.name], _default(field)) for field in dataclasses.fields(record_type)}


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default
