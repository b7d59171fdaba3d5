"""Hand edits are noticed however the editor writes; a half-written file alarms nobody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.support.manual_clock import ManualClock
from wtpd.clock import SystemClock
from wtpd.config.file import FileText, read
from wtpd.config.load import ConfigErrors, load
from wtpd.config.watch import PATIENCE, Seen, watch
from wtpd.errors import NotFound

GOOD = "language: de\n"


def passes(text: str) -> bool:
    try:
        load(text)
    except ConfigErrors:
        return False
    return True


class StepClock(ManualClock):
    """Does the next thing of a list whenever somebody sleeps: an editor at work meanwhile."""

    def __init__(self, *steps: Callable[[], object]) -> None:
        super().__init__()
        self.steps = list(steps)

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds)
        if self.steps:
            self.steps.pop(0)()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "wtpd.yaml"
    path.write_text(GOOD)
    return path


async def reported(
    path: Path, notices: int, clock: ManualClock | None = None, *, known: FileText | None = None
) -> list[Seen]:
    seen: list[Seen] = []

    async def some(_path: Path, _stop: asyncio.Event) -> AsyncIterator[object]:
        for number in range(notices):
            yield number

    async def keep(what: Seen) -> None:
        seen.append(what)

    await watch(path, known, keep, passes=passes, clock=clock or ManualClock(), stop=asyncio.Event(), notices=some)
    return seen


def texts(seen: list[Seen]) -> list[str]:
    return [each.text if isinstance(each, FileText) else type(each).__name__ for each in seen]


async def test_what_is_in_force_is_not_reported(path: Path) -> None:
    assert await reported(path, 3, known=read(path)) == []


async def test_a_new_text_is_reported_once(path: Path) -> None:
    known = read(path)
    path.write_text("language: nl\n")
    assert texts(await reported(path, 3, known=known)) == ["language: nl\n"]


async def test_truncation_and_writing_in_steps_is_one_change(path: Path) -> None:
    known = read(path)
    path.write_text("")
    clock = StepClock(
        lambda: path.write_text("sites:\n  - id: a\n"),
        lambda: path.write_text("sites:\n  - id: a\n    name: A\n"),
    )
    assert texts(await reported(path, 1, clock, known=known)) == ["sites:\n  - id: a\n    name: A\n"]


async def test_a_broken_text_that_stays_is_reported_after_a_moment(path: Path) -> None:
    known = read(path)
    path.write_text("language: [\n")
    clock = ManualClock()
    assert texts(await reported(path, 1, clock, known=known)) == ["language: [\n"]
    assert sum(clock.slept) >= PATIENCE


async def test_a_file_that_is_away_for_a_moment_is_not_missing(path: Path) -> None:
    known = read(path)
    path.unlink()
    clock = StepClock(lambda: path.write_text("language: en\n"))
    assert texts(await reported(path, 1, clock, known=known)) == ["language: en\n"]


async def test_a_file_deleted_and_back_again(path: Path) -> None:
    known = read(path)
    path.unlink()
    (missing,) = await reported(path, 2, known=known)
    assert isinstance(missing, NotFound)
    path.write_text(GOOD)
    assert texts(await reported(path, 1, known=None)) == [GOOD]


async def test_bytes_that_are_no_text_are_reported_as_errors(path: Path) -> None:
    path.write_bytes(b"box: {name: B\xfcro}\n")
    assert texts(await reported(path, 1, known=None)) == ["ConfigErrors"]


async def test_somebody_who_never_stops_writing_is_not_waited_for_without_end(path: Path) -> None:
    numbers = iter(range(1000))
    clock = StepClock(*[lambda: path.write_text(f"broken: [{next(numbers)}\n")] * 500)
    assert len(await reported(path, 1, clock, known=None)) == 1


@pytest.mark.system
async def test_the_kernel_tells_of_rename_and_of_a_link_to_another_folder(tmp_path: Path) -> None:
    target = tmp_path / "real" / "settings.yaml"
    target.parent.mkdir()
    target.write_text(GOOD)
    link = tmp_path / "wtpd.yaml"
    link.symlink_to(target)
    seen: asyncio.Queue[Seen] = asyncio.Queue()
    stop = asyncio.Event()
    known = read(link)
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        watching = group.create_task(
            watch(link, known, seen.put, passes=passes, clock=SystemClock(), stop=stop)
        )  # fmt: skip
        # Written again and again, for nobody tells when the kernel has begun to listen.
        writing = group.create_task(_rename_over(target, "language: nl\n"))
        assert texts([await seen.get()]) == ["language: nl\n"]
        writing.cancel()
        stop.set()
        await watching


async def _rename_over(target: Path, text: str) -> None:
    while True:
        new = target.with_suffix(".swp")
        new.write_text(text)
        new.rename(target)
        await asyncio.sleep(0.5)


async def test_a_file_that_is_open_for_writing_waits_until_it_is_closed(path: Path) -> None:
    """Its first half passes and stands still for longer than the pause: only the open file tells that more comes."""
    writer = path.open("w")
    writer.write("language: de\n")
    writer.flush()
    clock = StepClock(lambda: None, lambda: None, lambda: (writer.write("box: {name: x}\n"), writer.close()))
    try:
        seen = await reported(path, 1, clock)
    finally:
        writer.close()
    assert texts(seen) == ["language: de\nbox: {name: x}\n"]
