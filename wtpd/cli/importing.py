"""`wtpd import`: advisors, cars, customers, vehicles and appointments from exported files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wtpd.cli.command import argument, command, option
from wtpd.texts import N_, N_n

if TYPE_CHECKING:
    from wtpd.cli.console import Console
    from wtpd.client import ApiProblem, Client, Json

KINDS = ("advisors", "courtesy_cars", "customers", "vehicles", "appointments")

Outcome = tuple[Path, "Json | ApiProblem"]


@command(
    "import",
    N_("Import exported files (CSV, JSON), each whole or not at all; doing it again changes nothing."),
    example="wtpd import kunden.csv fahrzeuge.csv termine.csv",
)
@argument(
    "files", nargs=-1, required=True, metavar="FILE...", type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@option("--kind", type=click.Choice(KINDS), about=N_("What the files hold; found out from their headings otherwise."))
def import_files(console: Console, files: tuple[Path, ...], kind: str | None) -> int:
    outcomes = console.ask(lambda api: import_all(api, files, kind))
    failed = [outcome for outcome in outcomes if isinstance(outcome[1], Exception)]
    answer = [_told(file, outcome) for file, outcome in outcomes]
    console.answer(answer, lambda: _print(console, outcomes))
    return 1 if failed else 0


async def import_all(api: Client, files: Sequence[Path], kind: str | None = None) -> list[Outcome]:
    """The files in the order in which they refer to each other: one that is refused is tried again after the others,
    since the customers it names may be in the next one."""
    from wtpd.client import ApiProblem

    outcomes: list[Outcome] = []
    waiting = [*files]
    while waiting:
        refused: list[Outcome] = []
        for file in waiting:
            try:
                outcomes.append((file, await api.import_file(file.name, file.read_bytes(), kind=kind)))
            except ApiProblem as problem:
                if problem.status != 422:
                    raise
                refused.append((file, problem))
        if len(refused) == len(waiting):
            return outcomes + refused
        waiting = [file for file, _ in refused]
    return outcomes


def _told(file: Path, outcome: Json | ApiProblem) -> Json:
    if isinstance(outcome, dict):
        return {"file": str(file), "ok": True, **outcome}
    errors = [{"field": error.field, "detail": error.detail} for error in outcome.errors]
    return {"file": str(file), "ok": False, "error": outcome.kind, "detail": outcome.detail, "errors": errors}


def _print(console: Console, outcomes: Sequence[Outcome]) -> None:
    for file, outcome in outcomes:
        if not isinstance(outcome, dict):
            text = N_("{file}: nothing was imported. {detail}", file=file.name, detail=outcome.detail)
            console.line(text, colour="red")
            for error in outcome.errors:
                console.line(f"  {error.field}: {error.detail}")
            continue
        counts = {name: outcome[name] for name in ("created", "changed", "unchanged")}
        text = N_("{file}: {created} new, {changed} changed, {unchanged} as before", file=file.name, **counts)
        console.line(text, colour="green")
        if outcome["over_limit"]:
            over = N_n(
                "  one appointment is over the load limit of its day",
                "  {count} appointments are over the load limit of their day",
                count=outcome["over_limit"],
            )
            console.line(over)
        for warning in outcome["warnings"]:
            console.line(f"  {warning['field']}: {warning['detail']}", colour="yellow")
