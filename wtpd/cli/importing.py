"""`wtpd import`: advisors, cars, customers, vehicles and appointments from exported files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wtpd import language
from wtpd.cli.command import argument, command, option
from wtpd.errors import Invalid
from wtpd.network_words import of_system
from wtpd.texts import N_, N_n, Text
from wtpd.words import IMPORT_PHASES

if TYPE_CHECKING:
    from wtpd.cli.console import Console
    from wtpd.client import Client, Json

KINDS: Mapping[str, Text] = {
    "advisors": N_("Service advisors"),
    "courtesy_cars": N_("Courtesy cars"),
    "customers": N_("Customers"),
    "vehicles": N_("Vehicles"),
    "appointments": N_("Appointments"),
}
ENDINGS = (".csv", ".txt", ".tsv", ".json", ".xlsx")
"""Which files of a folder are taken, in any letter case."""
LOOK = 0.5
"""Seconds between two looks at how far it is."""


@command(
    "import",
    N_("Import exported files (CSV, JSON, Excel), all of them or nothing; doing it again changes nothing."),
    example="wtpd import kunden.csv fahrzeuge.csv termine.csv",
)
@argument("files", nargs=-1, required=True, metavar="FILE|FOLDER...", type=click.Path(exists=True, path_type=Path))
@option(
    "--kind", type=click.Choice([*KINDS]), about=N_("What the files hold; found out from their headings otherwise.")
)
def import_files(console: Console, files: tuple[Path, ...], kind: str | None) -> None:
    named, left_out = _named(files)
    _check(named)
    for path in left_out:
        console.note(N_("{path} was left out: files of a folder are taken that end in {endings}.",
                        path=path, endings=" ".join(ENDINGS)))  # fmt: skip
    counts = console.ask(lambda api: _import(console, api, named, kind))
    console.answer(counts, lambda: _print(console, counts))


async def _import(console: Console, api: Client, files: Mapping[str, Path], kind: str | None) -> Json:
    """The import, and on a terminal how far it is."""
    import asyncio

    running = asyncio.create_task(api.import_files(files, kind=kind))
    try:
        while not (await asyncio.wait((running,), timeout=LOOK))[0] and console.interactive:
            now = await api.import_progress()
            if now["phase"] in IMPORT_PHASES:
                click.echo(f"\r\x1b[K{language.say(_progress(now))}", err=True, nl=False)
        return await running
    finally:
        running.cancel()
        if console.interactive:
            click.echo("\r\x1b[K", err=True, nl=False)


def _progress(now: Json) -> Text:
    phase = IMPORT_PHASES[now["phase"]]
    if not now["total"]:
        return N_("{phase} …", phase=phase)
    return N_("{phase}: {done} of {total} …", phase=phase, done=min(now["done"], now["total"]), total=now["total"])


def _check(files: Mapping[str, Path]) -> None:
    """Raises `Invalid` for a file that can't be read, is none, or is too large."""
    from wtpd.client.limits import UPLOAD_LIMIT

    for name, path in files.items():
        if not path.is_file():  # a pipe or device may have no end
            raise Invalid(N_("{path} isn't a file.", path=path))
        try:
            with path.open("rb"):
                size = path.stat().st_size
        except OSError as error:
            raise Invalid(N_("{path} can't be read: {reason}", path=path, reason=of_system(error))) from None
        if size > UPLOAD_LIMIT:
            raise Invalid(
                N_("{name} has {size:.1f} MB, {most} MB at most; split it, each part with the headings.",
                   name=name, size=size / (1 << 20), most=UPLOAD_LIMIT >> 20)
            )  # fmt: skip


def _named(paths: Sequence[Path]) -> tuple[dict[str, Path], list[Path]]:
    """Each file once, under the name that messages call it by: with its folder only where two are called the same; and
    what of the folders isn't taken. Raises `Invalid` for a folder without such files."""
    found: dict[Path, None] = {}
    left_out: list[Path] = []
    for path in paths:
        inside = [path]
        if path.is_dir():
            everything = sorted(each for each in path.iterdir() if not each.name.startswith("."))
            inside = [each for each in everything if each.suffix.lower() in ENDINGS and each.is_file()]
            left_out += [each for each in everything if each not in inside]
        if not inside:
            raise Invalid(N_("{folder} holds no files to import ({endings}).", folder=path, endings=" ".join(ENDINGS)))
        found.update(dict.fromkeys(each.resolve() for each in inside))
    names = [path.name for path in found]
    return {path.name if names.count(path.name) == 1 else str(path): path for path in found}, left_out


def _print(console: Console, outcome: Json) -> None:
    for kind, counts in outcome["kinds"].items():
        text = N_("{kind}: {created} new, {changed} changed, {unchanged} as before", kind=KINDS[kind], **counts)
        console.line(text, colour="green")
    if not outcome["kinds"]:
        console.line(N_("There is nothing in the files but headings."))
    if outcome["over_limit"]:
        over = N_n(
            "  one appointment is over the load limit of its day",
            "  {count} appointments are over the load limit of their day",
            count=outcome["over_limit"],
        )
        console.line(over)
    for warning in outcome["warnings"]:
        place = f"{warning['field']}: " if warning["field"] else ""
        console.line(f"  {place}{warning['detail']}", colour="yellow")
