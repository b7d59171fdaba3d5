"""Calls the command line as a user does, in this process."""

from __future__ import annotations

import io
import json
import os
import pty
import select
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from wtpd.cli.main import run

PATIENCE = 30.0
"""Seconds without a sign of life after which a program is given up."""


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Terminal:
    """`socket` is the daemon's; `stdin` what is piped in. No tty."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, socket: str) -> None:
        self._capsys = capsys
        self._monkeypatch = monkeypatch
        self.environment = {"WTPD_SOCKET": socket}

    def wtpd(self, *arguments: str, stdin: str = "") -> Said:
        self._monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        code = run(arguments, self.environment)
        out, err = self._capsys.readouterr()
        return Said(code, out, err)


def flat(text: str) -> str:
    """Without line ends and runs of blanks, as one reads it."""
    return " ".join(text.split())


def on_terminal(socket: str, answers: Sequence[tuple[str, str]], *arguments: str, **variables: str) -> tuple[int, str]:
    """What somebody gets on a real terminal who types each answer when its prompt is there: `[("Client ID", "demo")]`.
    The exit code, and all that was to be seen. No colours, unless `variables` of the environment say so."""
    controller, terminal = pty.openpty()
    environment = os.environ | {"WTPD_SOCKET": socket, "NO_COLOR": "1", "WTPD_LANG": "en", "TERM": "xterm"} | variables
    process = subprocess.Popen(
        [sys.executable, "-m", "wtpd", *arguments], stdin=terminal, stdout=terminal, stderr=terminal, env=environment
    )
    os.close(terminal)
    waiting = deque(answers)
    shown, new = "", ""
    while select.select([controller], [], [], PATIENCE)[0]:
        try:
            part = os.read(controller, 4096).decode()
        except OSError:  # the last one on the other side has gone
            break
        shown, new = shown + part, new + part
        if waiting and waiting[0][0] in new:
            new = ""
            os.write(controller, f"{waiting.popleft()[1]}\n".encode())
    else:
        process.kill()
    os.close(controller)
    return process.wait(), shown
