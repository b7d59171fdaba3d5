"""`wtpd`: the one program (spec: cli.md).

Exit codes: 0 ok, 1 not ok, 2 usage, 3 daemon not reachable. A command's module is imported when it is called.
"""

from __future__ import annotations

import gettext
import io
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wtpd import language
from wtpd.cli.command import Group, Option
from wtpd.cli.console import Console
from wtpd.errors import WtpdError
from wtpd.harmless import harmless_json, harmless_lines
from wtpd.language import say
from wtpd.texts import N_

if TYPE_CHECKING:
    from wtpd.client import ClientError

OK, NOT_OK, USAGE, NOT_REACHABLE, INTERRUPTED = 0, 1, 2, 3, 130

COMMANDS = {
    "run": "wtpd.cli.run:run",
    "status": "wtpd.cli.status:status",
    "sync": "wtpd.cli.sync:sync",
    "resync": "wtpd.cli.sync:resync",
    "pause": "wtpd.cli.sync:pause",
    "resume": "wtpd.cli.sync:resume",
    "verify": "wtpd.cli.sync:verify",
    "appointments": "wtpd.cli.appointments:appointments",
    "show": "wtpd.cli.appointments:show",
    "undo": "wtpd.cli.undo:undo",
    "erase-notes": "wtpd.cli.appointments:erase_notes",
    "trace": "wtpd.cli.trace:trace",
    "send": "wtpd.cli.trace:send",
    "attention": "wtpd.cli.attention:attention",
    "log": "wtpd.cli.log:log",
    "config": "wtpd.cli.config:config",
    "mapping": "wtpd.cli.mapping:mapping",
    "credential": "wtpd.cli.credential:credential",
    "assessor": "wtpd.cli.people:assessor",
    "user": "wtpd.cli.people:user",
    "vehicle": "wtpd.cli.vehicle:vehicle",
    "action": "wtpd.cli.action:action",
    "rental": "wtpd.cli.rental:rental",
    "tui": "wtpd.cli.tui:tui",
    "mail": "wtpd.cli.mail:mail",
    "listener": "wtpd.cli.listener:listener",
    "token": "wtpd.cli.listener:token",
    "import": "wtpd.cli.importing:import_files",
    "sandbox": "wtpd.cli.sandbox:sandbox",
    "demo": "wtpd.cli.demo:demo",
    "completion": "wtpd.cli.completion:completion",
}

wtpd = Group(
    "wtpd",
    about=N_("Keeps the workshop planner and its partners in step. Every command speaks to the daemon."),
    example="wtpd status\nwtpd sync superservice --site rostock",
    lazy=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"wtpd {version('wtpd')}")
        ctx.exit()


wtpd.params.append(
    Option(
        ["--version"],
        about=N_("Show the version and exit."),
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_version,
    )
)


def main() -> None:
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> int:
    """The whole program; returns the exit code."""
    environment = os.environ if environment is None else environment
    language.use(language.choose(arguments, environment))
    _translate_click()
    console = Console(environment)
    try:
        code = wtpd.main(list(arguments), prog_name="wtpd", obj=console, standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        is_usage = isinstance(error, click.UsageError)
        if "--json" in arguments:  # which may stand behind what couldn't be read
            console.json = True
            _refuse(console, "usage" if is_usage else "error", error.format_message(), [])
        else:
            shown = io.StringIO()
            error.show(shown)
            click.echo(harmless_lines(shown.getvalue()), err=True, nl=False)
        return USAGE if is_usage else NOT_OK
    except click.Abort:
        console.note(N_("Stopped."))
        return NOT_OK
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # `wtpd appointments | head`: whoever read has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except WtpdError as error:
        _refuse(console, error.kind, say(error.text), [(one.field, say(one.text)) for one in error.problems])
        return NOT_OK
    except Exception as error:
        return _from_daemon(console, error)
    return code if isinstance(code, int) else OK


def _from_daemon(console: Console, error: Exception) -> int:
    """The exit code for what the client raises; anything else is our bug and goes on. The client is imported by now
    if it was used."""
    client = sys.modules.get("wtpd.client")
    if client is None or not isinstance(error, client.ClientError):
        raise error
    if isinstance(error, client.Unreachable):
        _refuse(console, "unreachable", unreachable(error), [])
        return NOT_REACHABLE
    if isinstance(error, client.ApiProblem):
        _refuse(console, error.kind, error.detail, [(one.field, one.detail) for one in error.errors], error.facts)
    return NOT_OK


def unreachable(error: ClientError) -> str:
    """What to do when nobody answers at the socket."""
    socket = getattr(error, "socket", "")
    if late := getattr(error, "late", None):
        return say(
            N_(
                "The daemon gave no answer within {seconds} s ({socket}). What was asked may still be done; look with: "
                "wtpd status",
                seconds=round(late), socket=socket,
            )
        )  # fmt: skip
    if getattr(error, "sent", False):
        return say(N_("The daemon went away during the call ({socket}). See: journalctl -u wtpd", socket=socket))
    if Path(socket).exists() and not os.access(socket, os.R_OK | os.W_OK):
        return say(
            N_("You may not use {socket}. Members of the group wtpd may read, of wtpd-admin change.", socket=socket)
        )
    return say(
        N_(
            "The daemon isn't running (nobody answers at {socket}). Start it with: systemctl start wtpd – or, without "
            "systemd: WTPD_SOCKET=./api.sock wtpd run --config wtpd.yaml --data-dir ./data",
            socket=socket,
        )
    )


def _refuse(
    console: Console,
    kind: str,
    detail: str,
    errors: Sequence[tuple[str, str]],
    facts: Mapping[str, object] | None = None,
) -> None:
    if console.json:
        listed = [{"field": field, "detail": text} for field, text in errors]
        click.echo(harmless_json({"error": kind, "detail": detail, "errors": listed, **(facts or {})}))
        return
    console.note(detail)
    for field, text in errors:
        console.note(f"  {field}: {text}" if field else f"  {text}")


def _translate_click() -> None:
    """click's own sentences (`Usage:`, `No such option`) come from our catalogue too; `gettext` looks at LANGUAGE."""
    os.environ["LANGUAGE"] = language.current()
    gettext.bindtextdomain("wtpd", str(Path(__file__).parents[1] / "locale"))
    gettext.textdomain("wtpd")
    with suppress(AttributeError):
        sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr] # not a file in tests
