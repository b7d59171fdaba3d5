"""What is in force, with defaults, and where each value comes from (`wtpd config show`)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from wtpd.config.errors import Place
from wtpd.config.load import Loaded


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One value in force; `place` None: nobody wrote it, it is the default."""

    path: str
    value: Any
    place: Place | None

    def origin(self, name: str = "wtpd.yaml") -> str:
        """`wtpd.yaml:12` or `default`."""
        return f"{name}:{self.place.line}" if self.place is not None else "default"


def in_force(loaded: Loaded) -> list[Setting]:
    """Every setting, in the order of the schema; lists of plain values (brands) are one setting."""
    return [
        Setting(path=path, value=value, place=loaded.origins.get(path))
        for path, value in _leaves("", msgspec.to_builtins(loaded.config))
    ]


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(f"{path}.{key}" if path else key, inner)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for number, inner in enumerate(value):
            yield from _leaves(f"{path}.{inner.get('id') or number}", inner)
    else:
        yield path, value
