"""What people and local programs do with the credential store: enter, test, remove, ask, take out, change the key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from wtpd.channel.errors import Transient
from wtpd.config.model import CredentialSettings
from wtpd.connectors.manifest import Verified
from wtpd.daemon.credentials.resolve import Credentials
from wtpd.daemon.credentials.verification import Outcome, Verification
from wtpd.errors import Invalid, Problem, Refused, Unavailable
from wtpd.secrets.fields import Fields
from wtpd.secrets.providers import Provider, provider
from wtpd.secrets.resolve import Explanation, Order
from wtpd.store import credentials as rows
from wtpd.store import people
from wtpd.store.credentials import AuditEntry, Entry
from wtpd.store.database import Database, Tx
from wtpd.store.vault import rotate
from wtpd.texts import N_, Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """Which entry an order would use and why; `notes`: what else is odd about it."""

    rule: CredentialSettings
    explanation: Explanation
    notes: Sequence[Text]


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """An entry that was handed out. `expires_at`: as the store keeps it; `notes`: what is wrong with it."""

    scope: str
    fields: Fields
    expires_at: str | None
    notes: Sequence[Text]


class CredentialService:
    """`use` is told of every change."""

    def __init__(self, db: Database, use: Credentials, verification: Verification) -> None:
        self._db = db
        self._use = use
        self._verification = verification

    @property
    def providers(self) -> Mapping[str, Provider]:
        return self._use.vault.providers

    def rule(self, name: str) -> CredentialSettings:
        return self._use.rule(name) or CredentialSettings()

    def can_test(self, known: Provider) -> bool:
        return self._verification.can(known)

    async def entries(self) -> Sequence[Entry]:
        return await self._db.read(self._use.vault.entries)

    async def set(
        self,
        name: str,
        scope: str,
        values: Mapping[str, str],
        *,
        actor: str,
        expires_at: datetime | None = None,
        force: bool = False,
    ) -> tuple[Entry, Outcome]:
        """Try the values at the partner, then store them. Raises `Invalid`, `NotFound`, `KeyLost`; `Refused` if the
        partner refuses them or they are another dealer's; `Unavailable` of kind `untested` if it can't be reached,
        unless `force` says to store them untried."""
        self._use.redactor.know(values.values())
        known = provider(name, self.providers)
        drafted, there = await self._db.read(lambda tx: self._draft(tx, known, scope, values, expires_at))
        try:
            outcome = await self._try(known, scope, drafted, there, actor=actor)
        except Refused as error:
            text = N_("{reason} Nothing was stored.", reason=error.text)
            raise Refused(text, kind=error.kind, facts=error.facts) from None
        if outcome.unreachable and not force:
            text = N_("{reason} Nothing was stored; they can be stored untried (force).", reason=outcome.text)
            raise Unavailable(text, kind="untested")
        whole = {field.name: drafted.get(field.name, "") for field in known.fields}

        def work(tx: Tx) -> Entry:
            self._use.vault.set(tx, name, scope, whole, actor=actor, expires_at=expires_at)
            if outcome.tested:
                rows.put_result(tx, name, scope, "ok")
            _tell(tx, name, scope)
            return next(entry for entry in self._use.vault.entries(tx, name) if entry.scope == scope)

        entry = await self._db.write(work)
        await self._use.changed()
        return entry, outcome

    async def test(
        self, name: str, scope: str, values: Mapping[str, str] | None, *, actor: str, site: str | None = None
    ) -> Outcome:
        """Try what is stored, or `values` without storing them, at the sites that the entry would serve, or at one.
        Raises as `set`, and `Refused` of kind `not-testable`."""
        known = provider(name, self.providers)
        known.check_scope(scope)
        if not self.can_test(known):
            outcome = await self._verification.of(known, scope, {}, ())
            raise Refused(outcome.text, kind="not-testable")

        def read(tx: Tx) -> tuple[Fields, frozenset[str]]:
            vault, there = self._use.vault, rows.scopes(tx, name)
            if values is None and known.is_optional and scope not in there:
                return Fields({}), there
            fields = vault.open(tx, name, scope) if values is None else vault.draft(tx, name, scope, values)
            return fields, there

        self._use.redactor.know((values or {}).values())
        fields, there = await self._db.read(read)
        return await self._try(
            known, scope, fields, there, actor=actor, stored=values is None and scope in there, site=site
        )

    async def verify(self, name: str, *, actor: str) -> Verified:
        """Who we are at a partner of the whole box, with the stored entry: the general one where there is one. Raises
        as `test`, and `Transient` if the partner doesn't say."""
        scopes = await self._db.read(lambda tx: sorted(rows.scopes(tx, name)))
        scope = "general" if "general" in scopes or not scopes else scopes[0]
        outcome = await self.test(name, scope, None, actor=actor)
        if not outcome.tested or not outcome.found:
            raise Transient(str(outcome.text), reason=outcome.text)
        return outcome.found[0]

    async def remove(self, name: str, scope: str, *, actor: str) -> None:
        """Raises `NotFound`."""

        def work(tx: Tx) -> None:
            self._use.vault.remove(tx, name, scope, actor=actor)
            _tell(tx, name, scope)

        await self._db.write(work)
        await self._use.changed()

    async def explain(self, name: str, order: Order) -> Explained:
        """An order for e-mail that names nobody is that of a site's status mails. Raises `NotFound` for an unknown
        provider."""
        rule = self.rule(name)
        of_site = order.assessor is None and order.user is None

        def read(tx: Tx) -> Explained:
            found = self._use.vault.explain(tx, name, order, self._use.rule_of_site(name) if of_site else rule)
            used = [entry for entry in self._use.vault.entries(tx, name) if entry.scope == found.scope]
            return Explained(
                rule=rule, explanation=found, notes=[*_strangers(tx, order, self._use.sites()), *_flaws(used, tx.now)]
            )

        return await self._db.read(read)

    async def reveal(self, name: str, scope: str | None, *, actor: str, order: Order | None = None) -> Handed:
        """For local programs, where the provider's setting allows it: the entry `scope`, or the one that serves
        `order`; never that of a person who isn't active any more. Audited, refused ones too. Raises `Refused`,
        `NotFound`, `KeyLost`."""
        known = provider(name, self.providers)
        rule = self.rule(name)
        if not rule.reveal:
            await self._db.write(lambda tx: rows.note(tx, actor, "reveal", name, scope or "", "refused"))
            raise Refused(
                N_("{provider} doesn't hand out its credentials (credentials.{name}.reveal).",
                   provider=known.title, name=name),
                kind="not-revealed",
            )  # fmt: skip

        def work(tx: Tx) -> Handed | Text:
            vault = self._use.vault
            found = vault.open_for(tx, name, order or Order(), rule)[0] if scope is None else scope
            if found in people.inactive(tx):
                level, _, identity = found.partition(":")
                rows.note(tx, actor, "reveal", name, found, "refused")
                return next(iter(_strangers(tx, Order(**{level: identity}), ())))
            fields = vault.reveal(tx, name, found, actor=actor)
            used = [entry for entry in vault.entries(tx, name) if entry.scope == found]
            vault.mark_used(tx, name, found, result=_still(used), actor=actor)
            expires_at = next((entry.expires_at for entry in used), None)
            return Handed(scope=found, fields=fields, expires_at=expires_at, notes=_flaws(used, tx.now))

        handed = await self._db.write(work)
        if isinstance(handed, Text):  # noted all the same, so not raised in the transaction
            raise Refused(handed, kind="not-revealed")
        return handed

    async def audit(self, *, before: int | None, limit: int) -> list[AuditEntry]:
        return await self._db.read(lambda tx: rows.audit(tx, before=before, limit=limit))

    async def rotate(self, *, actor: str) -> Text:
        text = await rotate(self._db, self._use.vault, actor=actor)
        await self._use.changed()
        return text

    async def start_over(self, *, actor: str) -> list[tuple[str, str]]:
        def work(tx: Tx) -> list[tuple[str, str]]:
            lost = self._use.vault.start_over(tx, actor=actor)
            for name, scope in lost:
                _tell(tx, name, scope)
            return lost

        lost = await self._db.write(work)
        await self._use.changed()
        return lost

    def _draft(
        self, tx: Tx, known: Provider, scope: str, values: Mapping[str, str], expires_at: datetime | None
    ) -> tuple[Fields, frozenset[str]]:
        """What would be stored, and the scopes for which there are entries."""
        drafted = self._use.vault.draft(tx, known.name, scope, values)
        level, _, identity = scope.partition(":")
        order = {level: identity} if level != "general" else {}
        for stranger in _strangers(tx, Order(**order), self._use.sites()):
            raise Invalid(stranger, problems=[Problem("scope", stranger)])
        if expires_at is not None and expires_at <= tx.now:
            text = N_("These credentials have expired already.")
            raise Invalid(text, problems=[Problem("expires_at", text)])
        return drafted, rows.scopes(tx, known.name)

    async def _try(
        self,
        known: Provider,
        scope: str,
        fields: Mapping[str, str],
        there: frozenset[str],
        *,
        actor: str,
        stored: bool = False,
        site: str | None = None,
    ) -> Outcome:
        async def note(result: str) -> None:
            counts = stored and result in ("ok", "refused")  # an entry keeps the result it had if there is no new one

            def work(tx: Tx) -> None:
                self._use.vault.mark_tested(tx, known.name, scope, result=result, actor=actor, stored=counts)
                if counts:
                    _tell(tx, known.name, scope)

            await self._db.write(work)
            if counts:
                await self._use.state.look()

        try:
            outcome = await self._verification.of(known, scope, fields, there, site=site)
        except Refused:
            await note("refused")
            raise
        if self.can_test(known):
            await note("ok" if outcome.tested else "unreachable" if outcome.unreachable else "not possible")
        return outcome


def _tell(tx: Tx, provider: str, scope: str) -> None:
    """Whoever shows the entries sees that one is another now."""
    tx.emit("credentials.changed", provider=provider, scope=scope)


def _strangers(tx: Tx, order: Order, sites: Sequence[str]) -> list[Text]:
    """Whom the order names and nobody knows."""
    found = []
    if order.office is not None and order.office not in sites:
        listed = ", ".join(sites) or "-"
        found.append(N_("There is no site {office}; there are: {sites}.", office=order.office, sites=listed))
    named: list[tuple[people.Kind, str | None]] = [("assessor", order.assessor), ("user", order.user)]
    for kind, identity in named:
        if identity is None:
            continue
        person = people.find(tx, kind, identity)
        if person is None:
            found.append(people.unknown(kind, identity))
        elif not person.active:
            found.append(N_("{name} ({id}) isn't active any more.", name=person.name, id=identity))
    return found


def _still(used: Sequence[Entry]) -> str:
    """The result of a handed out entry: a refusal stays one until the provider takes the entry."""
    return "refused" if any(entry.last_result == "refused" for entry in used) else "revealed"


def _flaws(used: Sequence[Entry], now: datetime) -> list[Text]:
    found = []
    for entry in used:
        if not entry.readable:
            found.append(N_("The key at hand doesn't open this entry."))
        end = datetime.fromisoformat(entry.expires_at) if entry.expires_at is not None else None
        if end is not None and end <= now:
            found.append(N_("This entry expired on {day}.", day=end.date()))
    return found
