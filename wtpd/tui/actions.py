"""What connectors offer to do (`GET /v1/actions`), on any page: asked, filled in, done, and the answer shown.

actions = await actions_on(page, "vehicle")
start_action(page, actions[0], vehicle_id)
yield from offers(page, actions, vehicle_id, about="HRO-AL 17")      # in `commands()`, for the palette
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

from wtpd.client import ClientError, Json
from wtpd.language import say
from wtpd.moments import NotUnderstood, read_day
from wtpd.texts import N_, Text
from wtpd.tui.answers import candidate_line, write_answer
from wtpd.tui.background import background
from wtpd.tui.keys import key
from wtpd.tui.page import Page, sentence
from wtpd.tui.palette import Command
from wtpd.tui.widgets.dialogs import Choose, Confirm, Read
from wtpd.tui.widgets.fields import of_manifest
from wtpd.tui.widgets.form import Form, wrong

CHOICE = "choose"
"""The field by which an action is told which of several candidates is meant; it is asked for only if there are."""


class ActionForm(Form):
    """The fields of an action; it isn't saved but done."""

    BINDINGS: ClassVar[list[Any]] = [key("f2,ctrl+enter", "submit", N_("Do it"), shown="Enter")]


async def actions_on(page: Page, *on: str) -> list[Json]:
    """What can be done on records of these kinds (`vehicle`, `customer`, `appointment`, …). Raises `ClientError`."""
    return [one for one in await page.api.actions() if one["on"] in on]


def offers(page: Page, actions: Sequence[Json], record_id: str, *, about: str = "") -> Iterable[Command]:
    """Commands of the palette; those that can't be done now say why. `about`: which record it is."""
    for action in actions:
        name = f"{action['title']}: {action['label']}"
        yield Command(
            f"{name} ({about})" if about else name,
            partial(start_action, page, action, record_id),
            "" if action["available"] else str(action["reason"]),
            enabled=bool(action["available"]) and page.session.may_write,
        )


def start_action(page: Page, action: Json, record_id: str) -> None:
    """`run_action` in the background of `page`."""
    background(page, partial(run_action, page, action, record_id), "action")


async def choose_action(page: Page, options: Sequence[tuple[Json, str, str]]) -> None:
    """Let one be chosen and do it. `options`: action, id of the record, and which record it is in words. Must run in a
    worker."""
    lines = [(place, _option_line(action, about)) for place, (action, _, about) in enumerate(options)]
    place = await page.wtpd.push_screen_wait(Choose(N_("What shall be done?"), lines))
    if place is None:
        return
    action, record_id, _ = options[place]
    await run_action(page, action, record_id)


async def run_action(page: Page, action: Json, record_id: str) -> None:
    """Ask, have the form filled in, do it, and show the answer. Where several candidates come back, one is chosen and
    it is done again for that one. Must run in a worker."""
    if not action["available"]:
        page.tell(str(action["reason"]), "warn")
        return
    if action["confirm"]:
        question = N_("{action}?", action=f"{action['title']}: {action['label']}")
        if not await page.wtpd.push_screen_wait(Confirm(question, action["confirm"])):
            return
    values, answer = await _filled_in(page, action, record_id)
    while answer is not None and answer["candidates"]:
        number = await _choice(page, action, answer["candidates"])
        if number is None:
            return
        answer = await _done(page, action, record_id, {**values, CHOICE: number})
    if answer is not None:
        await page.wtpd.push_screen_wait(Read(str(action["label"]), lambda sheet: write_answer(sheet, page, answer)))


async def _filled_in(page: Page, action: Json, record_id: str) -> tuple[dict[str, Any], Json | None]:
    """What was entered, and what came of it: None if it was given up or refused. Without fields it is done at once."""
    asked = [one for one in action["fields"] if one["name"] != CHOICE]
    if not asked:
        return {}, await _done(page, action, record_id, {})

    async def submit(typed: Mapping[str, str]) -> tuple[dict[str, Any], Json]:
        values = {one["name"]: _value(page, one, typed[one["name"]]) for one in asked}
        return values, await page.api.act(action, record_id, values)

    filled: tuple[dict[str, Any], Json] | None = await page.wtpd.push_screen_wait(
        ActionForm(f"{action['title']}: {action['label']}", of_manifest(asked), submit)
    )
    return filled or ({}, None)


def _value(page: Page, field: Json, text: str) -> Any:
    """What was typed as the API wants it. Raises what a form shows, if it is no day."""
    if field["form"] == "flag":
        return bool(text)
    if field["form"] != "date" or not text:
        return text
    try:
        return read_day(text, page.formats.today()).isoformat()
    except NotUnderstood:
        raise wrong(field["name"], N_("{text} is no day.", text=text)) from None


async def _done(page: Page, action: Json, record_id: str, values: Mapping[str, Any]) -> Json | None:
    page.tell(N_("One moment, please"))
    try:
        answer = await page.api.act(action, record_id, values)
    except ClientError as error:
        page.tell(sentence(error), "bad")
        return None
    page.tell("")
    return answer


async def _choice(page: Page, action: Json, found: Sequence[Json]) -> int | None:
    """The number of the candidate that it is."""
    lines = [(one["number"], candidate_line(one)) for one in found]
    number: int | None = await page.wtpd.push_screen_wait(
        Choose(N_("It may be each of these. Which one is it?"), lines, about=str(action["label"]))
    )
    return number


def _option_line(action: Json, about: str) -> Text | str:
    name = f"{action['title']}: {action['label']}" + (f" ({about})" if about else "")
    return name if action["available"] else say(N_("{action} – {reason}", action=name, reason=action["reason"]))
