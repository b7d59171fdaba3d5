"""The settings of `wtpd.yaml` as typed values (spec: config.md).

The JSON schema (`wtpd config schema`) is made from these classes, so what stands here is what the file may say. Texts
that YAML would read as something else (dealer numbers, times, country codes) are `str` here and must be quoted there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from wtpd.texts import Text

Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$(?!\n)", examples=["rostock"])]
"""`$` alone would let a line break at the end pass, in this and in the other patterns."""
Email = Annotated[
    str, Meta(pattern=r"^[^@\s]+@[^@\s.]+(\.[^@\s.]+)+$(?!\n)", max_length=254, examples=["werkstatt@example.com"])
]
TimeSpan = Annotated[
    str,
    Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]$(?!\n)", examples=["08:00-17:00"]),
]
Duration = Annotated[str, Meta(pattern=r"^[1-9][0-9]{0,5}(ms|s|min|h|d)$(?!\n)", examples=["5min", "30s", "250ms"])]
DealerNumber = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$(?!\n)", examples=["00123"])]
DepartmentId = Annotated[str, Meta(pattern=r"^[^\s.]([^.\x00-\x1f\x7f]{0,62}[^\s.])?$(?!\n)", examples=["Werkstatt"])]
"""Without dots, because a dotted path (`sites.rostock.departments.Werkstatt`) names it."""
Brand = Annotated[str, Meta(pattern=r"^[A-Z0-9 -]{1,32}$(?!\n)", examples=["NISSAN"])]
Login = Annotated[str, Meta(pattern=r"^[^\s:/]{1,64}$(?!\n)", examples=["annahme"])]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Language = Literal["de", "en", "nl"]


class Section(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What all parts of the file share: unknown keys are errors."""


class Box(Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The box itself."""

    name: Annotated[str, Meta(min_length=1, max_length=64, description="stands in mails and on screens")] = "wtpd"


class Mail(Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The mail server. User and password are credentials (provider `email`), never here."""

    host: Annotated[str, Meta(description="without it no mail is sent")] = ""
    port: Annotated[int, Meta(ge=1, le=65535)] = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    sender: Annotated[Email | None, Meta(description="From address of status mails")] = None
    when: Annotated[
        Literal["always", "on_change", "only_problems"], Meta(description="which status mails are sent")
    ] = "on_change"
    alarm_after: Annotated[Duration, Meta(description="a failure that ends sooner sends no mail")] = "15min"
    max_per_hour: Annotated[int, Meta(ge=1, le=1000, description="the rest is summed up")] = 20
    show_names: Annotated[bool, Meta(description="customer names and plates in mails")] = False


class Api(Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The local API and who may use it."""

    socket: str = "/run/wtpd/api.sock"
    admin_group: Annotated[str, Meta(description="Unix group that may change everything")] = "wtpd-admin"
    read_group: Annotated[str, Meta(description="Unix group that may read")] = "wtpd"
    shared_logins: Annotated[
        list[Login],
        Meta(max_length=200, description="logins that several people use; the screens ask for initials there"),
    ] = []


Network = Annotated[str, Meta(pattern=r"^[0-9A-Fa-f.:]{2,45}(/[0-9]{1,3})?$(?!\n)", examples=["192.168.10.0/24"])]
FilePath = Annotated[str, Meta(pattern=r"^/[^\x00-\x1f\x7f]+$(?!\n)", max_length=1024)]

PRIVATE = ("127.0.0.0/8", "::1", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
"""The box itself, and the networks that the internet doesn't reach (RFC 1918, RFC 4193)."""


class Listener(Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """HTTPS on the local network, for partners' programs that send by themselves (a DMS). Callers need a token:
    `wtpd token create`."""

    enabled: bool = False
    address: Annotated[str, Meta(max_length=45, description="of the box, where it listens; 0.0.0.0 or :: for all")] = (
        "0.0.0.0"  # noqa: S104 - callers are let in by `networks` and their token
    )
    port: Annotated[int, Meta(ge=1024, le=65535)] = 8443
    networks: Annotated[
        list[Network], Meta(max_length=50, description="who may connect; nobody else gets an answer")
    ] = msgspec.field(default_factory=lambda: list(PRIVATE))
    names: Annotated[
        list[Annotated[str, Meta(max_length=253)]],
        Meta(max_length=20, description="under which callers reach the box, beside its host name and addresses"),
    ] = []
    certificate: Annotated[FilePath | None, Meta(description="PEM file of one's own; without it wtpd makes one")] = None
    key: Annotated[
        FilePath | None, Meta(description="PEM file of its key; without it systemd's credential wtpd-listener.key")
    ] = None
    client_ca: Annotated[
        FilePath | None, Meta(description="PEM file; callers need a certificate that one of these has signed")
    ] = None


class Retention(Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How long records are kept, in days."""

    runs: Annotated[int, Meta(ge=1, le=3650)] = 90
    events: Annotated[int, Meta(ge=1, le=365)] = 7
    idempotency_keys: Annotated[int, Meta(ge=1, le=365)] = 30
    messages: Annotated[
        int, Meta(ge=1, le=365, description="what was said to partners and by them; holds customers' data")
    ] = 30
    mails: Annotated[int, Meta(ge=1, le=3650, description="status mails that were sent, and closed incidents")] = 90


class ConnectorSettings(Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How one connector calls its partner; a connector adds keys of its own."""

    enabled: bool = True
    address: Annotated[
        Annotated[str, Meta(pattern=r"^https?://", max_length=2048)] | None,
        Meta(description="web address of the partner; without it the one the connector knows"),
    ] = None
    connect_timeout: Duration = "5s"
    read_timeout: Duration = "15s"
    total_timeout: Duration = "30s"
    calls_at_once: Annotated[int, Meta(ge=1, le=64)] = 8

    def problems(self) -> Iterator[tuple[tuple[str, ...], Text]]:
        """What is wrong beyond the form of each key: the path below `connectors.NAME`, and a sentence with the cure."""
        return iter(())


class AppointmentSettings(ConnectorSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How one connector exchanges appointments with its partner."""

    interval: Annotated[Duration, Meta(description="from the end of a run to the next")] = "5min"
    long_poll: Annotated[Duration, Meta(description="how long the partner may hold a request for changes")] = "50s"
    burst: Annotated[Duration, Meta(description="local changes are gathered this long after the first is sent")] = (
        "200ms"
    )
    horizon_days: Annotated[int, Meta(ge=1, le=365, description="days ahead for which availability is published")] = 90


class CredentialSettings(Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Whom the credentials of one provider serve. The credentials themselves are entered with
    `wtpd credential set`."""

    scope: Annotated[
        Literal["general", "office", "assessor", "user"],
        Meta(description="which entry serves an order: one for all, the office's, the assessor's, the user's"),
    ] = "general"
    fallback: Annotated[
        Literal["general"] | None,
        Meta(
            description="which entry serves where the one of the scope is missing; without it such orders are refused"
        ),
    ] = None
    reveal: Annotated[bool, Meta(description="local programs with the admin role may read them, audited")] = False


OpenDay = Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", examples=["2027-05-06"])]


class DropOff(Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A time in which vehicles are accepted."""

    times: Annotated[TimeSpan, Meta(description="local time, from-to")]
    slot_minutes: Annotated[int, Meta(ge=5, le=240, description="from one drop-off time to the next")] = 15
    places: Annotated[int, Meta(ge=1, le=100, description="vehicles at one drop-off time")] = 1


class Department(Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A department's plan."""

    id: DepartmentId = "Werkstatt"
    capacity: Annotated[
        dict[Weekday, Annotated[float, Meta(ge=0, le=100000)]],
        Meta(description="labour units (AW) by weekday; a weekday left out has none"),
    ] = {}
    load_limit: Annotated[int, Meta(ge=1, le=300, description="per cent of the capacity the planner books")] = 100
    minutes_per_unit: Annotated[int, Meta(ge=1, le=60)] = 5
    drop_off: Annotated[
        dict[Weekday, Annotated[list[DropOff], Meta(max_length=48)]],
        Meta(description="when vehicles are accepted, by weekday"),
    ] = {}
    closed_on_holidays: Annotated[bool, Meta(description="public holidays of the site's region")] = True
    open_on: Annotated[
        list[OpenDay],
        Meta(description="days that are worked although they are public holidays, in quotes", max_length=366),
    ] = []


class PartnerMapping(Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Under which number, and with which department, a partner knows a site."""

    dealer_number: Annotated[DealerNumber, Meta(description="in quotes; used by one site only")]
    department: str = "Werkstatt"


class Site(Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One address of the dealership."""

    id: Annotated[Name, Meta(description="short name that never changes; lower case")]
    name: Annotated[str, Meta(min_length=1, max_length=128)]
    street: str = ""
    postcode: str = ""
    city: Annotated[str, Meta(description="imports know the site by it, too")] = ""
    country: Annotated[
        str, Meta(pattern=r"^[A-Z]{2}$(?!\n)", description="ISO 3166, in quotes where YAML needs it")
    ] = "DE"
    region: Annotated[
        Annotated[str, Meta(pattern=r"^[A-Z]{2}$(?!\n)", examples=["MV", "NH"])] | None,
        Meta(description="federal state or province, for the public holidays"),
    ] = None
    time_zone: str = "Europe/Berlin"
    language: Annotated[Language | None, Meta(description="of the site's mails; without it the box's")] = None
    email: Annotated[Email | None, Meta(description="the site's own address, for customers")] = None
    status_mail: Annotated[Email | None, Meta(description="gets status information; needed for partners")] = None
    brands: Annotated[list[Brand], Meta(max_length=100, description="makes the site is authorised for")] = []
    departments: Annotated[list[Department], Meta(max_length=50)] = msgspec.field(
        default_factory=lambda: [Department()]
    )
    partners: Annotated[dict[Name, PartnerMapping], Meta(max_length=50, description="by connector")] = {}


class Config(Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Settings of wtpd. Never a secret: those are entered with `wtpd credential set`."""

    language: Annotated[Language, Meta(description="of texts where nobody says otherwise")] = "de"
    box: Box = Box()
    data_dir: Annotated[str, Meta(pattern="^/", description="folder of the database")] = "/var/lib/wtpd"
    modules: Annotated[list[Name], Meta(max_length=50, description="what is licensed, e.g. online_booking")] = []
    mail: Mail = Mail()
    api: Api = Api()
    listener: Listener = Listener()
    retention: Retention = Retention()
    connectors: Annotated[dict[Name, ConnectorSettings], Meta(max_length=100, description="settings by connector")] = {}
    credentials: Annotated[
        dict[Name, CredentialSettings], Meta(max_length=100, description="settings by provider")
    ] = {}
    sites: Annotated[list[Site], Meta(max_length=200)] = []


_UNITS = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


def seconds(duration: str) -> float:
    """`5min` → 300.0. The form is `Duration`; anything else raises ValueError."""
    number = duration.rstrip("abcdefghijklmnopqrstuvwxyz")
    return int(number) * _UNITS[duration[len(number) :]]
