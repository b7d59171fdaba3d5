"""Every command that a text names does something when it is typed as it is written, against a real daemon."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.locale.test_commands_in_texts import named_commands, texts
from tests.support.daemon import config_text, running_daemon
from tests.support.terminal import Terminal

pytestmark = pytest.mark.timeout(240)

STAY = {("run",), ("tui",), ("demo",), ("log",), ("sandbox",), ("completion",)}
"""Commands that don't end by themselves, or begin something beside the daemon."""
LEFT = {("credential", "rotate-key"), ("credential", "start-over")}
"""They change the key of the whole store, after a question."""

ENTERED = "client_id=demo\nclient_secret=s3cret\n"


def named(language: str) -> list[tuple[str, ...]]:
    found = {tuple(one) for text in texts(language) for one in named_commands(text)}
    return sorted(one for one in found if one[:1] not in STAY and one[:2] not in LEFT and "--help" not in one)


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
    every = sorted({one for language in ("de", "en", "nl") for one in named(language)})
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
