"""What the demo tells: one step after the other, with figures."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from wtpd.texts import Text


@dataclass(frozen=True, slots=True)
class Step:
    """`name` is for programs; `text` says what was done, `findings` what was seen; `figures` by name."""

    name: str
    text: Text
    findings: tuple[Text, ...]
    figures: Mapping[str, Any]
    seconds: float
    ok: bool
    """All findings are as they should be."""


@dataclass(slots=True)
class Note:
    """A step under way: it is told what it found."""

    findings: list[Text] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)

    ok: bool = True

    def found(self, text: Text, *, ok: bool = True, **figures: Any) -> None:
        """`ok`: it is as it should be; `figures` are the values of `text` that programs want, too."""
        self.findings.append(text)
        self.figures.update(figures)
        self.ok = self.ok and ok


@dataclass(slots=True)
class Report:
    """`begun` and `done` are told of each step as it happens."""

    begun: Callable[[Text], None] = lambda text: None
    done: Callable[[Step], None] = lambda step: None
    steps: list[Step] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return all(step.ok for step in self.steps)

    @contextmanager
    def step(self, name: str, text: Text) -> Iterator[Note]:
        self.begun(text)
        note = Note()
        start = time.monotonic()
        yield note
        step = Step(name, text, tuple(note.findings), note.figures, round(time.monotonic() - start, 2), note.ok)
        self.steps.append(step)
        self.done(step)
