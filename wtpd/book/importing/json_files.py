"""Lists in JSON files, with the line in which each record begins. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any


class JsonReader:
    """The records of a JSON file with the line in which each begins. Three forms: a list of objects;
    `{"kind": "customers", "items": [...]}`; `{"customers": [...], "vehicles": [...]}`."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._decode = json.JSONDecoder().raw_decode
        self._at = 0

    @property
    def line(self) -> int:
        """The line that was reached."""
        return self._line()

    def lists(self) -> Iterator[tuple[str | None, Records]]:
        """Kind and records of each list; the kind is None for a bare one. Raises ValueError with line and column."""
        if self._peek() == "[":
            yield None, self._list()
        elif self._peek() == "{":
            yield from self._object()
        else:
            raise self._error("a list or an object is expected")
        if self._peek():
            raise self._error("the file should end here")

    def _object(self) -> Iterator[tuple[str | None, Records]]:
        kind: str | None = None
        unnamed: Records | None = None
        self._at += 1
        while self._peek() != "}":
            name = self._value()
            self._skip(":")
            if self._peek() == "[":
                records = self._list()
                if name == "items":
                    unnamed = records
                else:
                    yield str(name), records
            elif name == "kind":
                kind = str(self._value())
            else:
                raise self._error("a list is expected")
            if self._peek() != "}":
                self._skip(",")
        self._at += 1
        if unnamed is not None:
            yield kind, unnamed

    def _list(self) -> Records:
        """Read once to see that it is whole, and left to be read again: the records needn't be held at a time."""
        self._at += 1
        records = Records(self, self._at, self._line())
        for _, record in self.records(self._at, 1):
            if isinstance(record, dict):
                records.keys |= record.keys()
            records.count += 1
        self._at += 1
        return records

    def records(self, at: int, line: int) -> Iterator[tuple[int, Any]]:
        """The records of the list that begins at `at`, each with its line."""
        self._at = seen = at
        while self._peek() != "]":
            line, seen = line + self._text.count("\n", seen, self._at), self._at
            yield line, self._value()
            if self._peek() != "]":
                self._skip(",")

    def _peek(self) -> str:
        while self._at < len(self._text) and self._text[self._at] in " \t\r\n":
            self._at += 1
        return self._text[self._at : self._at + 1]

    def _skip(self, char: str) -> None:
        if self._peek() != char:
            raise self._error(f"{char} is expected")
        self._at += 1

    def _value(self) -> Any:
        self._peek()
        value, self._at = self._decode(self._text, self._at)
        return value

    def _line(self) -> int:
        return self._text.count("\n", 0, self._at) + 1

    def _error(self, message: str) -> ValueError:
        return json.JSONDecodeError(message, self._text, self._at)


class Records:
    """The records of one list of a JSON file, decoded when they are asked for. `keys`: of all of them together."""

    def __init__(self, reader: JsonReader, at: int, line: int) -> None:
        self._reader, self._at, self._line = reader, at, line
        self.keys: set[str] = set()
        self.count = 0

    def __iter__(self) -> Iterator[tuple[int, Any]]:
        return self._reader.records(self._at, self._line)
