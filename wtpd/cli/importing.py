"""`wtpd import`: advisors, cars, customers, vehicles and appointments from exported files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wtpd.cli.command import argument, command, option
from wtpd.errors import Invalid
from wtpd.texts import N_, N_n, Text

if TYPE_CHECKING:
    from wtpd.cli.console import Console
    from wtpd.client import Json

KINDS: Mapping[str, Text] = {
    "advisors": N_("Service advisors"),
    "courtesy_cars": N_("Courtesy cars"),
    "customers": N_("Customers"),
    "vehicles": N_("Vehicles"),
    "appointments": N_("Appointments"),
}
ENDINGS = (".csv", ".txt", ".tsv", ".json")
"""Which files of a folder are taken."""


@command(
    "import",
    N_("Import exported files (CSV, JSON), all of them or nothing; doing it again changes nothing."),
    example="wtpd import kunden.csv fahrzeuge.csv termine.csv",
)
@argument("files", nargs=-1, required=True, metavar="FILE|FOLDER...", type=click.Path(exists=True, path_type=Path))
@option(
    "--kind", type=click.Choice([*KINDS]), about=N_("What the files hold; found out from their headings otherwise.")
)
def import_files(console: Console, files: tuple[Path, ...], kind: str | None) -> None:
    contents = {name: _content(path) for name, path in _named(files).items()}
    counts = console.ask(lambda api: api.import_files(contents, kind=kind))
    console.answer(counts, lambda: _print(console, counts))


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Invalid(N_("{path} can't be read: {reason}", path=path, reason=error.strerror)) from None


def _named(paths: Sequence[Path]) -> dict[str, Path]:
    """Each file once, under the name that messages call it by: with its folder only where two are called the same.
    Raises `Invalid` for a folder without such files."""
    found: dict[Path, None] = {}
    for path in paths:
        inside = [path] if not path.is_dir() else sorted(each for each in path.iterdir() if each.suffix in ENDINGS)
        if not inside:
            raise Invalid(N_("{folder} holds no files to import ({endings}).", folder=path, endings=" ".join(ENDINGS)))
        found.update(dict.fromkeys(each.resolve() for each in inside))
    names = [path.name for path in found]
    return {path.name if names.count(path.name) == 1 else str(path): path for path in found}


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
        console.line(f"  {warning['field']}: {warning['detail']}", colour="yellow")
