"""Every command that a text names does something when it is typed as it is written, against a real daemon."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.locale.test_commands_in_texts import named_commands, texts
from tests.support.daemon import config_text, daemon_process, running_daemon
from tests.support.terminal import Terminal, on_terminal

pytestmark = pytest.mark.timeout(240)

STAY = {("run",), ("tui",), ("demo",), ("log",), ("sandbox",), ("completion",)}
"""Commands that don't end by themselves, or begin something beside the daemon; the tests at the end start them."""
KEYS = {("credential", "rotate-key"), ("credential", "start-over")}
"""They change the key of the whole store: they come last."""

ENTERED = "client_id=demo\nclient_secret=s3cret\n"


def named(language: str) -> list[tuple[str, ...]]:
    found = {tuple(one) for text in texts(language) for one in named_commands(text)}
    found |= {("credential", "rotate-key"), ("credential", "start-over", "--yes")}
    kept = (one for one in found if one[:1] not in STAY)
    return sorted(kept, key=lambda one: (one[:2] in KEYS, one))


def test_enough_are_named() -> None:
    assert len(named("en")) > 15
    assert named("de") and named("nl")


async def test_each_is_understood(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thing that isn't there may be said to be missing (1); that the command is wrong (2) or finds no daemon (3)
    may not."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wtpd.yaml").write_text(config_text(), encoding="utf-8")
    found = {one for language in ("de", "en", "nl") for one in named(language)}
    every = sorted(found, key=lambda one: (one[:2] in KEYS, one))
    wrong = []
    mapped = config_text(sites={"rostock": "00123"}, partner="http://127.0.0.1:9")
    async with running_daemon(tmp_path, mapped) as daemon:
        terminal = Terminal(capsys, monkeypatch, str(daemon.http.path))
        for arguments in every:
            said = await asyncio.to_thread(terminal.wtpd, *arguments, stdin=ENTERED)
            if said.code == 2 and _is_name_only(arguments):
                continue
            if said.code not in (0, 1) or "Traceback" in said.out + said.err:
                wrong.append(f"wtpd {' '.join(arguments)} → {said.code}: {said.err.strip()[-200:]}")
    assert wrong == []


def _is_name_only(arguments: tuple[str, ...]) -> bool:
    """The text speaks of the command, and its arguments are the reader's: `wtpd show`."""
    return all(word.replace("-", "").isalpha() and not word.startswith("-") for word in arguments)


# Those that stay: each is started as it is written, shows a first sign of life, and is stopped.

PATIENCE = 60.0


@asynccontextmanager
async def started(folder: Path, *arguments: str, **variables: str) -> AsyncIterator[asyncio.subprocess.Process]:
    environment = os.environ | {"WTPD_LANG": "en", "WTPD_SOCKET": "./api.sock", "NO_COLOR": "1"} | variables
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-u", "-m", "wtpd", *arguments, cwd=folder, env=environment,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def sign_of_life(process: asyncio.subprocess.Process, sign: str) -> None:
    """Until it wrote `sign`."""
    assert process.stdout is not None
    seen = ""
    async with asyncio.timeout(PATIENCE):
        while sign not in seen:
            line = (await process.stdout.readline()).decode()
            assert line, f"it ended with {await process.wait()}:\n{seen}"
            seen += line


async def stopped(process: asyncio.subprocess.Process, how: signal.Signals = signal.SIGINT) -> int:
    process.send_signal(how)
    async with asyncio.timeout(PATIENCE):
        await process.communicate()
    assert process.returncode is not None
    return process.returncode


async def test_run_works_as_written(tmp_path: Path) -> None:
    (tmp_path / "wtpd.yaml").write_text(config_text(), encoding="utf-8")
    [written] = {one for one in every_named() if one[0] == "run"}
    async with started(tmp_path, *written, WTPD_KEY_FILE=str(tmp_path / "key")) as process:
        await sign_of_life(process, "is ready after")
        async with started(tmp_path, "status") as status:
            assert await status.wait() in (0, 1)
        assert await stopped(process, signal.SIGTERM) == 0


async def test_log_works_and_follows_until_it_is_stopped(tmp_path: Path) -> None:
    async with daemon_process(tmp_path, config_text()):
        async with started(tmp_path, "log") as process:
            await sign_of_life(process, "is ready after")
            assert await process.wait() == 0
        async with started(tmp_path, "log", "--follow") as process:
            await sign_of_life(process, "is ready after")
            assert await stopped(process) == 0


async def test_demo_begins_and_can_be_stopped(tmp_path: Path) -> None:
    async with started(tmp_path, "demo", "--no-tui", "--dir", "./demo") as process:
        await sign_of_life(process, "Sandbox, mail server and daemon start in")
        assert await stopped(process) == 130


async def test_sandbox_serves_until_it_is_stopped(tmp_path: Path) -> None:
    async with started(tmp_path, "sandbox", XDG_STATE_HOME=str(tmp_path)) as process:
        await sign_of_life(process, "http://127.0.0.1:")
        assert await stopped(process) in (0, 130)


async def test_tui_paints_and_is_left(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, config_text()) as daemon:
        code, seen = await asyncio.to_thread(
            on_terminal, str(daemon.http.path), [("Quit", "q")], "tui", LINES="24", COLUMNS="80"
        )
    assert code == 0, seen[-500:]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
async def test_completion_prints_a_script(shell: str, tmp_path: Path) -> None:
    async with started(tmp_path, "completion", shell) as process:
        await sign_of_life(process, "_WTPD_COMPLETE")
        assert await process.wait() == 0


def every_named() -> set[tuple[str, ...]]:
    return {tuple(one) for language in ("de", "en", "nl") for text in texts(language) for one in named_commands(text)}


def test_no_command_is_left_out() -> None:
    """What isn't run above with the daemon is started below it."""
    tried = {"run", "log", "demo", "sandbox", "tui", "completion"}
    assert {one[0] for one in STAY} == tried
    assert {one[:1] for one in every_named()} - {one[:1] for one in named("en")} <= STAY
