"""What a provider of credentials is, and the providers that have no connector (spec: credentials.md).

A connector's provider is declared in its manifest; `wtpd.connectors.registry.providers_of` gives both kinds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from wtpd.errors import Invalid, NotFound, Problem
from wtpd.texts import N_, Text

Level = Literal["general", "office", "assessor", "user"]
Form = Literal["text", "code", "digits", "https", "port", "email", "choice"]
"""`code`: without any blank, as tokens are; `digits`: a number that keeps its zeros."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One thing a provider wants. All are stored encrypted; `secret` ones are masked while they are entered."""

    name: str
    label: Text
    secret: bool = False
    required: bool = True
    form: Form = "text"
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    name: str
    title: str
    fields: tuple[Field, ...]
    scopes: tuple[Level, ...] = ("general", "office")
    derive: Callable[[Mapping[str, str]], Mapping[str, str]] | None = None
    """Further secrets made from the fields at every change of one of them."""
    is_optional: bool = False
    """It answers without credentials, too."""

    @property
    def field_names(self) -> frozenset[str]:
        return frozenset(field.name for field in self.fields)

    def check_scope(self, scope: str) -> None:
        """`general`, `office:rostock`, … Raises `Invalid` for what this provider has no entries for."""
        level, colon, identity = scope.partition(":")
        well_formed = (level == "general") == (not colon) and (not colon or identity.strip() == identity != "")
        if not well_formed or level not in self.scopes or len(scope) > 128:
            text = N_(
                "{provider} has no entries for the scope {scope}; possible: {allowed}",
                provider=self.title, scope=scope, allowed=", ".join(_written(level) for level in self.scopes),
            )  # fmt: skip
            raise Invalid(text, problems=[Problem("scope", text)])


def _written(level: str) -> str:
    return level if level == "general" else f"{level}:ID"


_ADDRESS = Field(name="address", label=N_("Web address"), form="https")
_TOKEN = Field(name="token", label=N_("Token"), secret=True, form="code")
_CUSTOMER_NUMBER = Field(name="customer_number", label=N_("Customer number"), form="code")
_USER_NAME = Field(name="user_name", label=N_("User name"))
_PASSWORD = Field(name="password", label=N_("Password"), secret=True)

_LOGIN = (_CUSTOMER_NUMBER, _USER_NAME, _PASSWORD)
_PERSONAL: tuple[Level, ...] = ("general", "office", "assessor")

_SINNO = (
    Field(name="customer_address", label=N_("Customer interface: web address"), form="https"),
    Field(name="customer_user", label=N_("Customer interface: user name")),
    Field(name="customer_password", label=N_("Customer interface: password"), secret=True),
    Field(name="message_address", label=N_("Message interface: web address"), form="https"),
    Field(name="message_user", label=N_("Message interface: user name")),
    Field(name="message_password", label=N_("Message interface: password"), secret=True),
)

_EMAIL = (
    Field(name="host", label=N_("Mail server"), required=False),
    Field(name="port", label=N_("Port"), required=False, form="port"),
    Field(name="security", label=N_("Security"), required=False, form="choice", choices=("starttls", "tls", "none")),
    Field(name="user_name", label=N_("User name")),
    Field(name="password", label=N_("Password"), secret=True),
    Field(name="sender", label=N_("Sender address"), required=False, form="email"),
)

WITHOUT_CONNECTOR = (
    Provider(name="carsys", title="Carsys", fields=(_TOKEN,)),
    Provider(name="autoflex", title="Autoflex", fields=(_ADDRESS, _TOKEN)),
    Provider(name="incadea", title="Incadea API", fields=(_ADDRESS, _TOKEN)),
    Provider(name="nextlane", title="Nextlane API", fields=(_ADDRESS, _TOKEN)),
    Provider(name="wincar", title="Wincar API", fields=(_ADDRESS, _TOKEN)),
    Provider(name="sinno", title="SiNNO", fields=_SINNO),
    Provider(name="cartv", title="CARTV", fields=_LOGIN, scopes=_PERSONAL),
    Provider(name="carcasion", title="car.casion", fields=_LOGIN, scopes=_PERSONAL),
    Provider(name="wom", title="WOM", fields=_LOGIN, scopes=_PERSONAL),
    Provider(name="winvalue", title="WinValue", fields=_LOGIN, scopes=_PERSONAL),
    Provider(name="autoonline", title="AUTOonline", fields=_LOGIN, scopes=_PERSONAL),
    Provider(name="egub", title="EGUB", fields=_LOGIN, scopes=_PERSONAL),
    Provider(name="persaldo24", title="PerSaldo24", fields=_LOGIN, scopes=_PERSONAL),
    Provider(name="cardetektiv", title="Cardetektiv", fields=_LOGIN, scopes=_PERSONAL),
    Provider(name="audatex", title="Audatex", fields=_LOGIN, scopes=_PERSONAL),
    Provider(name="email", title="E-mail", fields=_EMAIL, scopes=(*_PERSONAL, "user")),
)
"""The providers whose credentials wtpd keeps and hands out, or uses itself, without exchanging anything with them. If
a connector with one of these names is installed, its manifest says what it wants."""


def provider(name: str, known: Mapping[str, Provider]) -> Provider:
    """Raises `NotFound`."""
    if name not in known:
        raise NotFound(N_("there is no provider {name}; known: {known}", name=name, known=", ".join(known)))
    return known[name]
