"""The settings of `wtpd.yaml` as typed values (spec: config.md).

The JSON schema (`wtpd config schema`) is made from these classes, so what stands here is what the file may say. Texts
that YAML would read as something else (dealer numbers, times, country codes) are `str` here and must be quoted there.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$", description="lower-case id, e.g. rostock")]
Email = Annotated[str, Meta(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$", max_length=254)]
TimeSpan = Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$", description="08:00-17:00")]
Duration = Annotated[str, Meta(pattern=r"^[1-9]\d{0,5}(ms|s|min|h|d)$", description="5min, 30s, 250ms")]
DealerNumber = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$")]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Language = Literal["de", "en", "nl"]


class Section(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What all parts of the file share: unknown keys are errors."""


class Box(Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    name: Annotated[str, Meta(min_length=1, max_length=64)] = "wtpd"


class Mail(Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The mail server. User and password are credentials (provider `email`), never here."""

    host: str = ""
    port: Annotated[int, Meta(ge=1, le=65535)] = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    sender: Email | None = None
    when: Literal["always", "on_change", "only_problems"] = "on_change"
    alarm_after: Duration = "15min"
    max_per_hour: Annotated[int, Meta(ge=1, le=1000)] = 20
    show_names: bool = False


class Api(Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    socket: str = "/run/wtpd/api.sock"
    admin_group: str = "wtpd-admin"
    read_group: str = "wtpd"


class Retention(Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How long records are kept, in days."""

    runs: Annotated[int, Meta(ge=1, le=3650)] = 90
    events: Annotated[int, Meta(ge=1, le=365)] = 7
    idempotency_keys: Annotated[int, Meta(ge=1, le=365)] = 30


class ConnectorSettings(Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How one connector calls its partner."""

    enabled: bool = True
    address: Annotated[str, Meta(pattern=r"^https?://", max_length=2048)] | None = None
    interval: Duration = "5min"
    long_poll: Duration = "50s"
    burst: Duration = "200ms"
    """A burst of local changes is gathered for this long after its first change was sent."""
    connect_timeout: Duration = "5s"
    read_timeout: Duration = "15s"
    total_timeout: Duration = "30s"
    calls_at_once: Annotated[int, Meta(ge=1, le=64)] = 8
    horizon_days: Annotated[int, Meta(ge=1, le=365)] = 90


class DropOff(Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    times: TimeSpan
    slot_minutes: Annotated[int, Meta(ge=5, le=240)] = 15
    places: Annotated[int, Meta(ge=1, le=100)] = 1


class Department(Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A department's plan. `capacity` in AW by weekday; a weekday left out has none."""

    id: Annotated[str, Meta(min_length=1, max_length=64)] = "Werkstatt"
    capacity: dict[Weekday, Annotated[float, Meta(ge=0, le=100000)]] = {}
    load_limit: Annotated[int, Meta(ge=1, le=300)] = 100
    minutes_per_unit: Annotated[int, Meta(ge=1, le=60)] = 5
    drop_off: dict[Weekday, list[DropOff]] = {}
    closed_on_holidays: bool = True


class PartnerMapping(Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Under which number, and with which department, a partner knows a site."""

    dealer_number: DealerNumber
    department: str = "Werkstatt"


class Site(Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    id: Name
    name: Annotated[str, Meta(min_length=1, max_length=128)]
    street: str = ""
    postcode: str = ""
    city: str = ""
    country: Annotated[str, Meta(pattern=r"^[A-Z]{2}$")] = "DE"
    region: Annotated[str, Meta(pattern=r"^[A-Z]{2}$")] | None = None
    time_zone: str = "Europe/Berlin"
    language: Language | None = None
    email: Email | None = None
    status_mail: Email | None = None
    brands: list[Annotated[str, Meta(pattern=r"^[A-Z0-9 -]{1,32}$")]] = []
    departments: list[Department] = msgspec.field(default_factory=lambda: [Department()])
    partners: dict[Name, PartnerMapping] = {}


class Config(Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    language: Language = "de"
    box: Box = Box()
    data_dir: str = "/var/lib/wtpd"
    modules: list[Literal["online_booking"]] = []
    mail: Mail = Mail()
    api: Api = Api()
    retention: Retention = Retention()
    connectors: dict[Name, ConnectorSettings] = {}
    sites: list[Site] = []


_UNITS = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


def seconds(duration: str) -> float:
    """`5min` → 300.0. The form is `Duration`; anything else raises ValueError."""
    number = duration.rstrip("abcdefghijklmnopqrstuvwxyz")
    return int(number) * _UNITS[duration[len(number) :]]
