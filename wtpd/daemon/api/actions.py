"""`/v1/actions` and `/v1/connectors/{connector}/actions/{action}`: what people can have connectors do.

The forms, checks and handlers come from the manifests, so that the button of a third party has a door, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from wtpd.config.model import Config
from wtpd.connectors.actions import Action, ActionField, Done, On
from wtpd.connectors.manifest import Manifest
from wtpd.daemon.actions import Actions, Wanted
from wtpd.daemon.api.call import Answer, Call, Role, answer
from wtpd.daemon.api.collection import Page
from wtpd.daemon.api.routes import Route
from wtpd.daemon.api.shapes import Input
from wtpd.daemon.reload import Settings
from wtpd.harmless import harmless
from wtpd.texts import Text

MOST = 200
"""Remarks, facts and candidates of an answer that are shown, at most."""
LONGEST = 2000
"""Characters of a text of an answer, at most."""


class ChoiceView(Struct, frozen=True):
    value: str
    label: str


class FieldView(Struct, frozen=True, kw_only=True):
    """One field of the form. In the body of the request `digits` are a whole number from `least` to `most`, a `flag` is
    true or false, a `date` is `2026-11-21`, all else is text of `longest` characters at most; what was left blank isn't
    there."""

    name: str
    label: str
    form: Literal["text", "digits", "date", "choice", "flag"]
    required: bool
    choices: list[ChoiceView]
    longest: int | None = None
    least: int | None = None
    most: int | None = None


class ActionView(Struct, frozen=True, kw_only=True):
    """One action: `POST /v1/connectors/{connector}/actions/{name}`. `on`: what it is done to. `confirm`: must be agreed
    to first. `available` false: `reason` says why it can't be done on this box now."""

    connector: str
    title: str
    name: str
    label: str
    on: On
    confirm: str | None
    fields: list[FieldView]
    available: bool
    reason: str | None


class ActInput(Input, frozen=True, kw_only=True):
    """`on`: the id of the record that it is done to, or the text of a search; nothing for an action on the connector.
    `fields`: of the form, by name. `confirmed`: somebody agreed to the sentence in `confirm`."""

    on: Annotated[str, Meta(max_length=200)] | None = None
    fields: Annotated[dict[str, str | int | float | bool | None], Meta(max_length=200)] = field(default_factory=dict)
    confirmed: bool = False


class RemarkView(Struct, frozen=True):
    text: str
    tone: Literal["plain", "good", "warn"]


class FactView(Struct, frozen=True):
    """A day as `2026-12-01`; names that end in `_cents` are money."""

    name: str
    label: str
    value: str | int | float | bool | None


class OptionView(Struct, frozen=True):
    number: int
    label: str


class DifferenceView(Struct, frozen=True):
    """A day as `2026-12-01`."""

    ours: str
    theirs: str


class DoneView(Struct, frozen=True, kw_only=True):
    """What came of an action. With `candidates` nothing was done yet: it is asked for again with the number of one in
    the field `choose`. `filled`: fields of the book that were blank and aren't any more; `differing`: those that stayed
    although the partner says something else. `data`: the answer in the connector's own form."""

    connector: str
    title: str
    action: str
    label: str
    remarks: list[RemarkView]
    facts: list[FactView]
    candidates: list[OptionView]
    filled: Mapping[str, str]
    differing: Mapping[str, DifferenceView]
    data: Any


class ActionRoutes:
    def __init__(self, actions: Actions, settings: Settings) -> None:
        self._actions = actions
        self._settings = settings

    def routes(self) -> list[Route]:
        return [
            Route(
                method="GET", path="/v1/actions", role=Role.READ, handler=self.list, result=Page[ActionView],
                summary="What connectors can be asked to do, as forms",
            ),
            Route(
                method="POST", path="/v1/connectors/{connector}/actions/{action}", role=Role.ADMIN, handler=self.act,
                body=ActInput, result=DoneView, seconds=900, summary="Have a connector do something",
            ),
        ]  # fmt: skip

    async def list(self, call: Call) -> Answer:
        return answer(Page([self._view(manifest, one, call.language) for manifest, one in self._actions.offered()]))

    async def act(self, call: Call) -> Answer:
        given: ActInput = call.body
        wanted = Wanted(
            connector=call.params["connector"],
            action=call.params["action"],
            on=given.on or "",
            fields=given.fields,
            confirmed=given.confirmed,
            actor=call.author.actor,
        )
        manifest, action, done = await self._actions.act(wanted)
        return answer(_done(manifest, action, done, call.language))

    def _view(self, manifest: Manifest, action: Action, language: str) -> ActionView:
        obstacle = self._actions.obstacle(manifest)
        return ActionView(
            connector=manifest.name,
            title=manifest.title,
            name=action.name,
            label=action.label.render(language),
            on=action.on,
            confirm=action.confirm.render(language) if action.confirm else None,
            fields=[_field(one, self._settings.config, language) for one in action.fields],
            available=obstacle is None,
            reason=obstacle.reason.render(language) if obstacle else None,
        )


def _field(one: ActionField, config: Config, language: str) -> FieldView:
    choices = [ChoiceView(value, text.render(language)) for value, text in one.choices]
    form: Literal["text", "digits", "date", "choice", "flag"]
    if one.form == "site":
        form, choices = "choice", [ChoiceView(site.id, site.name) for site in config.sites]
    else:
        form = "text" if one.form == "assessor" else one.form
    is_number = form == "digits"
    return FieldView(
        name=one.name,
        label=one.label.render(language),
        form=form,
        required=one.required,
        choices=choices,
        longest=one.longest if form == "text" else None,
        least=one.least if is_number else None,
        most=one.most if is_number else None,
    )


def _done(manifest: Manifest, action: Action, done: Done, language: str) -> DoneView:
    def said(text: Text | str) -> str:
        return harmless((text.render(language) if isinstance(text, Text) else str(text))[:LONGEST])

    def shown(value: Any) -> str | int | float | bool | None:
        if value is None or isinstance(value, int | float):
            return value
        return value.isoformat() if isinstance(value, date) else said(value)

    return DoneView(
        connector=manifest.name,
        title=manifest.title,
        action=action.name,
        label=action.label.render(language),
        remarks=[RemarkView(said(one.text), one.tone) for one in done.remarks[:MOST]],
        facts=[FactView(one.name, said(one.label), shown(one.value)) for one in done.facts[:MOST]],
        candidates=[OptionView(one.number, said(one.label)) for one in done.candidates[:MOST]],
        filled={name: said(value) for name, value in done.filled.items()},
        differing={name: DifferenceView(said(one.ours), said(one.theirs)) for name, one in done.differing.items()},
        data=done.data,
    )
