"""click's commands with our habits: texts rendered late, an example in each help, `--json` everywhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from wtpd.cli.complete import by_name
from wtpd.language import say
from wtpd.texts import LANGUAGES, N_, Text

if TYPE_CHECKING:
    from wtpd.cli.console import Console

Function = Callable[..., Any]


class Option(click.Option):
    def __init__(self, names: Sequence[str], *, about: Text, **rest: Any) -> None:
        super().__init__(names, help=str(about), **rest)
        self.about = about

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        self.help = say(self.about)
        return super().get_help_record(ctx)


def _common() -> list[click.Parameter]:
    """Options that every command has."""
    return [
        Option(
            ["--json"],
            about=N_("Print the answer as JSON."),
            is_flag=True,
            expose_value=False,
            callback=_keep("json"),
        ),
        Option(
            ["--socket"],
            about=N_("Socket of the daemon (WTPD_SOCKET; /run/wtpd/api.sock)."),
            metavar="PATH",
            expose_value=False,
            callback=_keep("socket"),
        ),
        language_option(),
    ]


def language_option() -> click.Option:
    return Option(
        ["--lang"],
        about=N_("Language: de, en or nl (WTPD_LANG, else that of the locale)."),
        type=click.Choice(LANGUAGES),
        expose_value=False,
    )


def _keep(name: str) -> Callable[[click.Context, click.Parameter, Any], Any]:
    """Hands an option on to the console instead of to each function."""

    def keep(ctx: click.Context, _: click.Parameter, value: Any) -> Any:
        if value and ctx.obj is not None:
            setattr(ctx.obj, name, value)
        return value

    return keep


class _Help:
    """What commands and groups share: their description, late."""

    about: Text
    example: str
    help: str | None

    def _translate(self) -> None:
        self.help = say(self.about)

    def write_example(self, formatter: click.HelpFormatter) -> None:
        with formatter.section(say(N_("Example"))):
            for line in self.example.splitlines():
                formatter.write(f"{'':>{formatter.current_indent}}{line}\n")


class Command(_Help, click.Command):
    def __init__(self, name: str | None, *, about: Text, example: str, **rest: Any) -> None:
        super().__init__(name, help=str(about), **rest)
        self.about, self.example = about, example
        self.params.extend(_common())

    def get_short_help_str(self, limit: int = 45) -> str:
        self._translate()
        return super().get_short_help_str(limit)

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self._translate()
        super().format_help_text(ctx, formatter)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.write_example(formatter)


class Group(_Help, click.Group):
    """A group whose commands are imported when they are used: `lazy` maps a name to `module:attribute`. `default` is
    the command that is meant when none is named."""

    def __init__(
        self,
        name: str | None,
        *,
        about: Text,
        example: str,
        lazy: dict[str, str] | None = None,
        default: str | None = None,
        **rest: Any,
    ) -> None:
        super().__init__(name, help=str(about), **rest)
        self.about, self.example, self.lazy, self.default = about, example, lazy or {}, default
        self.params.append(language_option())

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        bare = not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names)
        if self.default and bare:
            args = [self.default, *args]
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self.lazy, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.lazy:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = self.lazy[cmd_name].partition(":")
        found: click.Command = getattr(import_module(module), attribute)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError:
            near = get_close_matches(args[0], self.list_commands(ctx), n=1, cutoff=0.6)
            if not near:
                raise
            text = N_("There is no command {name}; did you mean {suggestion}?", name=args[0], suggestion=near[0])
            raise click.UsageError(say(text), ctx) from None

    def get_short_help_str(self, limit: int = 45) -> str:
        self._translate()
        return super().get_short_help_str(limit)

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self._translate()
        super().format_help_text(ctx, formatter)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.write_example(formatter)


def command(name: str, about: Text, *, example: str, group: click.Group | None = None) -> Callable[[Function], Command]:
    """Makes a function `f(console, …)` the command `name`, in `group` if given."""

    def make(function: Function) -> Command:
        params = [*reversed(getattr(function, "__click_params__", ()))]
        made = Command(name, about=about, example=example, params=params, callback=click.pass_obj(function))
        if group is not None:
            group.add_command(made)
        return made

    return make


def option(*names: str, about: Text, **rest: Any) -> Callable[[Function], Function]:
    return click.option(*names, cls=Option, about=about, **by_name(names[0], rest))


def argument(name: str, **rest: Any) -> Callable[[Function], Function]:
    return click.argument(name, **by_name(name, rest))


site_option = option("--site", about=N_("Only at this site."), metavar="SITE")


def confirmed(console: Console, question: Text) -> bool:
    """Ask on the terminal; without one the answer is no. Yes is `y`, and what it is in the reader's language."""
    if not console.interactive:
        return False
    yes, no = say(N_("yes")), say(N_("no"))
    answer = click.prompt(f"{say(question)} [{yes[0]}/{no[0].upper()}]", default="", show_default=False, err=True)
    return answer.strip().lower() in ("y", "yes", yes[0], yes)
