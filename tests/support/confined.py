"""The daemon under the memory limit of its unit, so that a test sees it die where it would die as a service.

    with room(CGROUP) as arguments:
        async with daemon_process(folder, text, arguments=arguments) as daemon: ...

Two ways: a control group of the kernel, as systemd makes one, where the test may make it; else a limit of the data of
the process, which makes it fail with a MemoryError. As a program this module is what starts the daemon so.
"""

from __future__ import annotations

import os
import re
import resource
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

UNIT = Path(__file__).parents[2] / "packaging" / "wtpd.service"
CGROUP, DATA = "cgroup", "data"

FLOOD = """
import json, socket, sys, time
path, kind = sys.argv[1:]
piece = {
    "pipeline": b"GET / HTTP/1.1\\r\\n\\r\\n" * 12000,
    "answers": b"GET /v1/openapi.json HTTP/1.1\\r\\nhost: wtpd\\r\\n\\r\\n" * 5,
    "lists": b"GET /v1/appointments?limit=500 HTTP/1.1\\r\\nhost: wtpd\\r\\n\\r\\n" * 8,
    "heads": b"GET / HTTP/1.1\\r\\nhost: wtpd\\r\\nx: " + b"x" * 60000,
    "streams": b"GET /v1/events HTTP/1.1\\r\\nhost: wtpd\\r\\n\\r\\n",
    "idle": b"",
    "endless": b"POST /v1/config/check HTTP/1.1\\r\\nhost: wtpd\\r\\ncontent-type: application/json\\r\\n"
               b"transfer-encoding: chunked\\r\\n\\r\\n" + b"40000\\r\\n" + b"x" * 0x40000 + b"\\r\\n",
}[kind]
held = []
for _ in range(600 if kind in ("heads", "idle", "streams") else 60):
    one = socket.socket(socket.AF_UNIX)
    one.settimeout(0.2)
    try:
        one.connect(path)
        held.append(one)
        one.sendall(piece)
    except OSError:
        pass
    if kind in ("heads", "idle", "streams"):
        time.sleep(0.005)
print(json.dumps(len(held)), flush=True)
sys.stdin.read()
"""
"""A program of a member of the read group: floods the socket in one way, says how many connections it got, and holds
them until its input ends."""
FLOODS = ("pipeline", "answers", "lists", "heads", "endless", "streams", "idle")

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_STACK = 1 << 18
"""Bytes of a thread's stack; the kernel would count the 8 MB that are only set aside for it as data."""


def memory_max(unit: str | None = None) -> int:
    """Bytes that the unit allows (MemoryMax)."""
    found = re.search(r"(?m)^MemoryMax=(\d+)([KMG]?)$", UNIT.read_text() if unit is None else unit)
    assert found is not None
    return int(found[1]) * _UNITS[found[2]]


@contextmanager
def room(way: str, *options: str) -> Iterator[tuple[str, ...]]:
    """Arguments for Python that start the daemon with the unit's memory. `options`: see `main`. Raises `OSError` where
    no control group can be made."""
    start = ("-m", "tests.support.confined", *options)
    if way == DATA:
        yield (*start, f"--data={memory_max()}")
        return
    group = _make_group(memory_max())
    try:
        yield (*start, f"--group={group}")
    finally:
        with suppress(OSError):
            group.rmdir()


def _make_group(most: int) -> Path:
    """A control group below our own (version 2, else 1) in which nobody is yet."""
    own = {kinds: path for _, kinds, path in (line.split(":", 2) for line in _own_groups())}
    above = Path("/sys/fs/cgroup" + own.get("", "/"))
    name = f"wtpd-test-{os.getpid()}"
    if "memory" in _read(above / "cgroup.subtree_control").split():
        limits = {"memory.max": most, "memory.swap.max": 0}
    elif "memory" in own:
        above = Path("/sys/fs/cgroup/memory" + own["memory"])
        limits = {"memory.limit_in_bytes": most, "memory.memsw.limit_in_bytes": most}
    else:
        raise OSError("no control group for memory that may be used")
    group = above / name
    group.mkdir()
    try:
        for file, value in limits.items():
            if "sw" not in file or (group / file).exists():  # a kernel without swap has no limit for it
                (group / file).write_text(str(value))
    except OSError:
        group.rmdir()
        raise
    return group


def _own_groups() -> list[str]:
    return _read(Path("/proc/self/cgroup")).splitlines()


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def main(arguments: list[str]) -> None:
    """`--group=PATH` or `--data=BYTES`; `--no-limits`: without the limits per caller. What follows is the daemon's."""
    mine = {option.partition("=")[0]: option.partition("=")[2] for option in arguments if _is_mine(option)}
    if "--group" in mine:
        Path(mine["--group"], "cgroup.procs").write_text(str(os.getpid()))
    if "--data" in mine:
        threading.stack_size(_STACK)
        resource.setrlimit(resource.RLIMIT_DATA, (int(mine["--data"]),) * 2)
    if "--no-limits" in mine:
        _take_limits_away()
    from wtpd.daemon.main import run

    others = [option for option in arguments if not _is_mine(option)]
    assert others[0] == "--config"
    sys.exit(run(os.environ, config=Path(others[1])))


def _is_mine(option: str) -> bool:
    return option.partition("=")[0] in ("--group", "--data", "--no-limits")


def _take_limits_away() -> None:
    from wtpd.daemon.api.auth import Gate

    setattr(Gate, "is_privileged", lambda self, uid: True)  # noqa: B010 - a method, which mypy lets nobody assign to


if __name__ == "__main__":
    main(sys.argv[1:])
