"""What all benchmarks share: figures as ratios against a limit measured in the same run, and medians of rounds."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the result. `reached` is None where there is no target, only a measurement."""

    what: str
    value: str
    target: str = ""
    reached: bool | None = None

    def row(self) -> str:
        verdict = "" if self.reached is None else ("yes" if self.reached else "**no**")
        return f"| {self.what} | {self.value} | {self.target} | {verdict} |"


def at_most(what: str, value: float, limit: float, unit: str = "", *, note: str = "") -> Figure:
    return Figure(what, _number(value, unit) + note, f"≤ {_number(limit, unit)}", value <= limit)


def at_least(what: str, value: float, limit: float, unit: str = "", *, note: str = "") -> Figure:
    return Figure(what, _number(value, unit) + note, f"≥ {_number(limit, unit)}", value >= limit)


def fact(what: str, value: float, unit: str = "", *, note: str = "") -> Figure:
    return Figure(what, _number(value, unit) + note)


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def percentile(values: Sequence[float], percent: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(percent / 100 * (len(ordered) - 1)))]


async def timed(work: Callable[[], Awaitable[object]]) -> float:
    """Seconds that `work` took."""
    started = time.perf_counter()
    await work()
    return time.perf_counter() - started


def machine() -> str:
    """The kind of machine, without its name."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next(
        (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown processor"
    )
    return f"{os.cpu_count()} cores ({model}), Linux {platform.release()}, Python {platform.python_version()}"


def _number(value: float, unit: str) -> str:
    if value >= 100:
        text = f"{value:,.0f}"
    elif value >= 10:
        text = f"{value:.1f}"
    else:
        text = f"{value:.3g}"
    return f"{text} {unit}".strip()
