"""`GET /v1/actions`: what people can have connectors do, as forms, made from their manifests."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

from msgspec import Struct

from wtpd.config.model import Config
from wtpd.connectors.manifest import Action, ActionField, Manifest
from wtpd.daemon.api.call import Answer, Call, Role, answer
from wtpd.daemon.api.collection import Page
from wtpd.daemon.api.routes import Route
from wtpd.daemon.reload import Settings
from wtpd.texts import Text


class ChoiceView(Struct, frozen=True):
    value: str
    label: str


class FieldView(Struct, frozen=True):
    """One field of the form. In the body of the request `digits` are a number, a `flag` is true or false, all else is
    text; what was left blank isn't there."""

    name: str
    label: str
    form: Literal["text", "digits", "date", "choice", "flag"]
    required: bool
    choices: list[ChoiceView]


class ActionView(Struct, frozen=True, kw_only=True):
    """One action; `{id}` in `path` is the id of what it is done `on`. `confirm`: must be agreed to first. `available`
    false: `reason` says why it can't be done on this box now."""

    connector: str
    title: str
    name: str
    label: str
    on: Literal["vehicle", "customer", "appointment", "connector", "search"]
    method: Literal["POST", "PUT"]
    path: str
    confirm: str | None
    fields: list[FieldView]
    available: bool
    reason: str | None


class ActionRoutes:
    """`refusal`: why a connector can't be asked for anything just now, by name."""

    def __init__(
        self, manifests: Iterable[Manifest], settings: Settings, refusal: Callable[[str], Text | None]
    ) -> None:
        self._manifests = tuple(manifests)
        self._settings = settings
        self._refusal = refusal

    def routes(self) -> list[Route]:
        return [
            Route(
                method="GET", path="/v1/actions", role=Role.READ, handler=self.list, result=Page[ActionView],
                summary="What connectors can be asked to do, as forms",
            )
        ]  # fmt: skip

    async def list(self, call: Call) -> Answer:
        views = [self._view(manifest, one, call.language) for manifest in self._manifests for one in manifest.actions]
        return answer(Page(views))

    def _view(self, manifest: Manifest, action: Action, language: str) -> ActionView:
        config = self._settings.config
        reason = self._refusal(manifest.name)
        return ActionView(
            connector=manifest.name,
            title=manifest.title,
            name=action.name,
            label=action.label.render(language),
            on=action.on,
            method=action.method,
            path=action.path,
            confirm=action.confirm.render(language) if action.confirm else None,
            fields=[_field(one, config, language) for one in action.fields],
            available=reason is None,
            reason=reason.render(language) if reason else None,
        )


def _field(field: ActionField, config: Config, language: str) -> FieldView:
    label = field.label.render(language)
    if field.form == "site":
        sites = [ChoiceView(site.id, site.name) for site in config.sites]
        return FieldView(field.name, label, "choice", field.required, sites)
    choices = [ChoiceView(value, text.render(language)) for value, text in field.choices]
    return FieldView(field.name, label, field.form, field.required, choices)
