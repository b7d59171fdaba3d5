"""Opened credentials, which show themselves to the code that asks by name, and to nobody else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NoReturn


class Fields(Mapping[str, str]):
    """Field name → value. In texts, logs, tracebacks and pickles the values don't appear."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)

    def __getitem__(self, name: str) -> str:
        try:
            return self._values[name]
        except KeyError:
            raise KeyError(name) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Fields({', '.join(f'{name}=***' for name in self._values)})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("credentials aren't pickled")
