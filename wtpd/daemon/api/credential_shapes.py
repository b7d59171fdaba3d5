"""What `/v1/credentials` takes and tells; never a secret but in `Revealed`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from wtpd.daemon.api.shapes import Limit, Moment, Sign
from wtpd.daemon.credentials.verification import Outcome
from wtpd.secrets.providers import Field
from wtpd.secrets.resolve import Order
from wtpd.store.credentials import Entry

Values = Annotated[dict[Sign, Annotated[str, Meta(max_length=10_000)]], Meta(max_length=50)]


class FieldView(Struct, frozen=True):
    """`secret` ones are masked while they are entered; `form`: text, code, digits, https, port, email or choice."""

    name: str
    label: str
    secret: bool
    required: bool
    form: str
    choices: list[str]


class EntryView(Struct, frozen=True):
    """All that is ever told of an entry; `fields`: those that have a value; `readable`: the key opens it."""

    scope: str
    fields: list[str]
    fingerprint: str
    set_at: str
    set_by: str
    last_used_at: str | None
    last_result: str | None
    expires_at: str | None
    readable: bool


class ProviderView(Struct, frozen=True, kw_only=True):
    """A provider: what it wants, for whom it can have entries (`scopes`), which of them serve (`scope`, `fallback`);
    `reveal`: local programs may read them; `testable`: they are tried before they are stored."""

    provider: str
    title: str
    fields: list[FieldView]
    scopes: list[str]
    scope: str
    fallback: str | None
    reveal: bool
    testable: bool
    entries: list[EntryView]


class SetInput(Struct, frozen=True, forbid_unknown_fields=True):
    """Fields that aren't given stay as they are. `force`: store them untried if the partner can't be reached."""

    fields: Values
    expires_at: Moment | None = None
    force: bool = False


class StoredView(Struct, frozen=True):
    """`tested`: the partner took them; `detail`: whose they are, or why they couldn't be tried."""

    entry: EntryView
    tested: bool
    detail: str


class TestInput(Struct, frozen=True, forbid_unknown_fields=True):
    """`fields`: try these without storing them; without them the stored ones. `site`: at this one only."""

    fields: Values | None = None
    site: Sign | None = None


class Tested(Struct, frozen=True):
    """Who we are at the partner with these credentials, or why they don't work."""

    ok: bool
    detail: str
    account: str = ""
    name: str = ""
    facts: Mapping[str, str] = {}


class OrderQuery(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Whom an order is for: the office (a site) and the assessor chosen in it, the user who is signed in."""

    office: Sign | None = None
    assessor: Sign | None = None
    user: Sign | None = None

    def order(self) -> Order:
        return Order(office=self.office, assessor=self.assessor, user=self.user)


class OrderInput(OrderQuery, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class ExplainedView(Struct, frozen=True, kw_only=True):
    """`entry`: the scope whose entry the order would use; null: it is refused. `reason` says why; `notes`: what is odd
    about it."""

    provider: str
    scope: str
    fallback: str | None
    entry: str | None
    reason: str
    notes: list[str]


class Revealed(Struct, frozen=True):
    """`notes`: what is wrong with the entry, e.g. that it expired."""

    scope: str
    fields: Mapping[str, str]
    expires_at: str | None = None
    notes: list[str] = []


class Rotated(Struct, frozen=True):
    detail: str


class StartedOver(Struct, frozen=True):
    """What has to be entered again."""

    lost: list[str]


class AuditQuery(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    cursor: Annotated[int, Meta(ge=1, le=2**53)] | None = None
    limit: Limit = 100


class AuditView(Struct, frozen=True, kw_only=True):
    """`action`: set, first use, test, reveal, remove, rotate or start over."""

    id: int
    at: datetime
    actor: str
    action: str
    provider: str
    scope: str
    result: str


def field_view(field: Field, language: str) -> FieldView:
    return FieldView(
        field.name, field.label.render(language), field.secret, field.required, field.form, list(field.choices)
    )


def entry_view(entry: Entry) -> EntryView:
    return EntryView(
        entry.scope, list(entry.fields), entry.fingerprint, entry.set_at, entry.set_by, entry.last_used_at,
        entry.last_result, entry.expires_at, entry.readable,
    )  # fmt: skip


def tested(outcome: Outcome, language: str) -> Tested:
    detail = outcome.text.render(language)
    if not outcome.found:
        return Tested(False, detail)
    first = outcome.found[0]
    return Tested(outcome.tested, detail, first.account, first.name, first.facts)
