"""Whose credentials are kept, with which fields, for whom (spec: credentials.md). A new provider is a line here."""

from __future__ import annotations

import hashlib
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


def dat_signature(values: Mapping[str, str]) -> Mapping[str, str]:
    """The customer's own signature: SHA-256 over `customerNumber:userName:password`, upper-case hex. It is sent only
    where the interface partner signature that DAT gives to the maker of a software isn't entered."""
    joined = ":".join(values[name] for name in ("customer_number", "user_name", "password"))
    return {"signature": hashlib.sha256(joined.encode("utf-8")).hexdigest().upper()}


_ADDRESS = Field(name="address", label=N_("Web address"), form="https")
_TOKEN = Field(name="token", label=N_("Token"), secret=True, form="code")
_CUSTOMER_NUMBER = Field(name="customer_number", label=N_("Customer number"), form="code")
_USER_NAME = Field(name="user_name", label=N_("User name"))
_PASSWORD = Field(name="password", label=N_("Password"), secret=True)

_LOGIN = (_CUSTOMER_NUMBER, _USER_NAME, _PASSWORD)
_DAT = (
    Field(name="customer_number", label=N_("Customer number"), form="digits"),
    _USER_NAME,
    _PASSWORD,
    Field(
        name="interface_partner_number", label=N_("Interface partner number (from DAT)"), required=False, form="digits"
    ),
    Field(
        name="interface_partner_signature", label=N_("Interface partner signature (from DAT)"),
        secret=True, required=False, form="code",
    ),
)  # fmt: skip
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

_ALL = (
    Provider(
        name="superservice",
        title="SUPERSERVICE Connect",
        fields=(
            # With their blanks: both may be any printable ASCII (RFC 6749, appendix A.1 and A.2).
            Field(name="client_id", label=N_("Client id")),
            Field(name="client_secret", label=N_("Client secret"), secret=True),
        ),
    ),
    Provider(name="carloop", title="Carloop", fields=(_ADDRESS, _TOKEN)),
    Provider(name="carsys", title="Carsys", fields=(_TOKEN,)),
    Provider(name="autoflex", title="Autoflex", fields=(_ADDRESS, _TOKEN)),
    Provider(name="incadea", title="Incadea API", fields=(_ADDRESS, _TOKEN)),
    Provider(name="nextlane", title="Nextlane API", fields=(_ADDRESS, _TOKEN)),
    Provider(name="wincar", title="Wincar API", fields=(_ADDRESS, _TOKEN)),
    Provider(name="sinno", title="SiNNO", fields=_SINNO),
    Provider(name="dat", title="DAT", fields=_DAT, scopes=_PERSONAL, derive=dat_signature),
    Provider(
        name="rdw",
        title="RDW",
        fields=(Field(name="app_token", label=N_("App token (X-App-Token)"), secret=True, form="code"),),
        scopes=("general",),
        is_optional=True,
    ),
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

PROVIDERS: Mapping[str, Provider] = {provider.name: provider for provider in _ALL}


def provider(name: str, known: Mapping[str, Provider] = PROVIDERS) -> Provider:
    """Raises `NotFound`."""
    if name not in known:
        raise NotFound(N_("there is no provider {name}; known: {known}", name=name, known=", ".join(known)))
    return known[name]
