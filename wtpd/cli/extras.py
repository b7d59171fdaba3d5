"""Libraries that only some commands need, and that an installation may lack: the extras in pyproject.toml."""

from __future__ import annotations

import importlib.util
import shlex
import sys

import click

from wtpd import language
from wtpd.texts import N_

DEMO = ("aiosmtpd", "starlette")
"""The extra `demo`."""
SANDBOX = ("starlette",)


def need(*libraries: str) -> None:
    """Raises `click.ClickException` with the line that installs the libraries of these which are missing."""
    missing = [name for name in libraries if importlib.util.find_spec(name) is None]
    if missing:
        names = " ".join(missing)
        text = N_(
            "This command needs libraries that aren't installed ({libraries}). Install them with: {command}",
            libraries=", ".join(missing), command=f"{shlex.quote(sys.executable)} -m pip install {names}",
        )  # fmt: skip
        raise click.ClickException(language.say(text))
