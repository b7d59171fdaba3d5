"""`wtpd demo`: the house is opened, the story played, and both sides compared at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from wtpd.client import ApiProblem, ClientError
from wtpd.demo import story
from wtpd.demo.compare import Comparison, Record, compare
from wtpd.demo.house import House
from wtpd.demo.processes import Failed
from wtpd.demo.report import Report
from wtpd.demo.settings import DEPARTMENT, LOGIN
from wtpd.demo.stage import ZONE, Stage, Stuck
from wtpd.errors import WtpdError
from wtpd.network_words import of_system
from wtpd.texts import N_, Text

LIMIT = 600.0
"""Seconds after which the demo gives up, whatever it waits for."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`failure` None: the story was played to its end, and each step found what it should. `comparison` None: it never
    came to that. `running`: the story came to its end, so daemon and sandbox can still be looked at."""

    folder: Path
    socket: Path
    sandbox: str
    mails: int
    comparison: Comparison | None
    failure: Text | None
    running: bool

    @property
    def ok(self) -> bool:
        return self.failure is None and self.comparison is not None and self.comparison.equal

    def for_programs(self, report: Report) -> dict[str, Any]:
        """The whole report as JSON values."""
        comparison = self.comparison
        return {
            "ok": self.ok,
            "failure": str(self.failure) if self.failure else None,
            "folder": str(self.folder),
            "socket": str(self.socket),
            "config": str(self.folder / "wtpd.yaml"),
            "sandbox": self.sandbox,
            "login": dict(LOGIN),
            "mails": {"folder": str(self.folder / "mails"), "count": self.mails},
            "steps": [
                {
                    "name": step.name,
                    "text": str(step.text),
                    "findings": [str(finding) for finding in step.findings],
                    "figures": dict(step.figures),
                    "seconds": step.seconds,
                    "ok": step.ok,
                }
                for step in report.steps
            ],
            "comparison": asdict(comparison) | {"equal": comparison.equal} if comparison else None,
        }


async def run(
    folder: Path,
    report: Report,
    *,
    language: str,
    now: datetime,
    finished: Callable[[Outcome], Awaitable[None]],
) -> Outcome:
    """Play the demo in `folder`. `finished` is awaited while everything still runs; then all of it is stopped."""
    house = House(folder, language=language)
    comparison, failure = None, None
    try:
        try:
            async with asyncio.timeout(LIMIT):
                with report.step("start", N_("Sandbox, mail server and daemon start in {folder}", folder=str(folder))):
                    await house.open()
                stage = Stage(house, report, now.astimezone(ZONE).date())
                await story.play(stage)
                comparison = await prove(stage)
        except TimeoutError:
            failure = N_("The demo wasn't over after {seconds} s.", seconds=int(LIMIT))
        except (Stuck, Failed, WtpdError) as error:
            failure = N_("The story stopped: {reason}", reason=error.text)
        except ClientError as error:
            failure = N_("The story stopped: {reason}", reason=_said_by(error))
        except OSError as error:
            failure = N_("The story stopped: {reason}", reason=of_system(error))
        running = failure is None and house.running
        if failure is None and not report.ok:
            failed = ", ".join(step.name for step in report.steps if not step.ok)
            failure = N_("Something isn't as it should be: {steps}", steps=failed)
        mails = await asyncio.to_thread(house.mails.mails)
        outcome = Outcome(folder, house.socket, house.address, len(mails), comparison, failure, running)
        await finished(outcome)
        return outcome
    finally:
        await house.close()


def _said_by(error: ClientError) -> Text | str:
    """The daemon's own sentence, which is in the reader's language, or that it is away."""
    return error.detail if isinstance(error, ApiProblem) else N_("the daemon doesn't answer")


async def prove(stage: Stage) -> Comparison:
    """Read both sides and compare them, field by field."""
    with stage.report.step("proof", N_("Both sides are read and compared, field by field")) as note:
        result = compare(await ours(stage), await stage.partner.appointments(), datetime.now(UTC))
        note.found(
            N_("{ours} appointments here, {theirs} there; {fields} fields compared",
               ours=result.ours, theirs=result.theirs, fields=result.fields),
            ours=result.ours, theirs=result.theirs, fields=result.fields,
        )  # fmt: skip
        note.found(
            N_("{past} of those here were over before the first sync, so they were never sent", past=result.past),
            past=result.past,
        )
        note.found(
            N_("differences: {differences}; booked twice: {doubles}",
               differences=len(result.differences), doubles=len(result.doubles)),
            differences=len(result.differences), doubles=len(result.doubles),
        )  # fmt: skip
    return result


async def ours(stage: Stage) -> list[Record]:
    """Our appointments of the connected department, each with its customer and vehicle in full."""
    customers = {one["id"]: one async for one in stage.api.customers.all(limit=500)}
    vehicles = {one["id"]: one async for one in stage.api.vehicles.all(limit=500)}
    return [
        {**one, "customer": customers.get(one["customer_id"]), "vehicle": vehicles.get(one["vehicle_id"])}
        async for one in stage.api.appointments.all(department=DEPARTMENT, limit=500)
    ]
