"""What the kernel knows of a process."""

from __future__ import annotations

import os
from pathlib import Path


def megabytes(pid: int, which: str = "VmRSS") -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(which)).split()[1]) / 1024


def wakes_of(pid: int) -> int:
    """How often any of its threads went to sleep by itself."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        lines = (task / "status").read_text().splitlines()
        total += int(next(line for line in lines if line.startswith("voluntary")).split()[1])
    return total


def cpu_ms(pid: int) -> float:
    """Milliseconds of CPU so far, from the scheduler, which counts finer than clock ticks."""
    nanoseconds = sum(int((task / "schedstat").read_text().split()[0]) for task in Path(f"/proc/{pid}/task").iterdir())
    if nanoseconds:
        return nanoseconds / 1e6
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")
