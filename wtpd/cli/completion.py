"""`wtpd completion`: the completion script for a shell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from click.shell_completion import get_completion_class

from wtpd.cli.command import argument, command
from wtpd.texts import N_

if TYPE_CHECKING:
    from wtpd.cli.console import Console


@command(
    "completion",
    N_("Print the completion script for bash, zsh or fish."),
    example='eval "$(wtpd completion bash)"\nwtpd completion fish > ~/.config/fish/completions/wtpd.fish',
)
@argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(console: Console, shell: str) -> None:
    from wtpd.cli.main import wtpd

    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(shell)
    script = kind(wtpd, {}, "wtpd", "_WTPD_COMPLETE").source()
    console.answer({"shell": shell, "script": script}, lambda: click.echo(script))
