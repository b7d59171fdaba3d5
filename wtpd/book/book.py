"""The appointment book: the one door through which it is written (spec: planner.md; DESIGN.md, decision 1).

Desk, API, import, DMS and partners all come through here, with an author and the version they saw. Each method runs in
the caller's write transaction and leaves everything that belongs to the change in it: the record, one history entry,
the outbox rows of the partners who must hear of it, the event.

Errors: `Invalid` (what was asked makes no sense, field by field), `NotFound`, `VersionMismatch` (facts `version`),
`Refused` of kind `over-limit` (facts `limit`, `booked`, `asked`, `day`), `car-taken` (facts `courtesy_car`,
`appointment`, `from`, `until`), `car-out-of-service`, `cancelled`, `status`, `locked` (facts `locked_by`), `erased`,
`number-taken`, `future-appointment`. What was written is taken back by `wtpd.book.undo`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wtpd.book import appointments, customers, partner_ids, resources, vehicles
from wtpd.book.draft import Draft
from wtpd.book.plans import Plans, plan_of
from wtpd.planner.appointment import Appointment
from wtpd.planner.customer import Customer
from wtpd.planner.history import Author
from wtpd.planner.resources import Advisor, Closure, CourtesyCar, DepartmentPlan
from wtpd.planner.vehicle import Vehicle
from wtpd.store import countries, privacy
from wtpd.store.database import Tx
from wtpd.store.partner_records import PartnerRecord


class Book:
    """`plans` by (site, department); replaced as a whole when the configuration is loaded anew."""

    def __init__(self, plans: Plans) -> None:
        self.plans = plans

    def keep_countries(self, tx: Tx) -> None:
        """Have telephone numbers and plates read in the countries of the sites as they are planned now; keys that were
        made in others are due then (`wtpd.store.rekeying`)."""
        countries.keep(tx, {site: plan.country for (site, _), plan in self.plans.items()})

    def plan(self, site: str, department: str) -> DepartmentPlan:
        """Raises `Invalid` for a site or department that isn't configured."""
        return plan_of(self.plans, site, department)

    def create(self, tx: Tx, draft: Draft, *, author: Author, allow_over_limit: bool = False) -> Appointment:
        """Book an appointment."""
        return appointments.create(self.plans, tx, draft, author=author, allow_over_limit=allow_over_limit)

    def change(
        self,
        tx: Tx,
        appointment_id: str,
        changes: Mapping[str, Any],
        *,
        author: Author,
        expected_version: int | None,
        allow_over_limit: bool = False,
    ) -> Appointment:
        """Give fields of `Appointment` new values (those of `appointments.CHANGEABLE`). If nothing differs, nothing
        happens: same version, no history. `expected_version` None: whatever it is now."""
        return appointments.change(
            self.plans,
            tx,
            appointment_id,
            changes,
            author=author,
            expected_version=expected_version,
            allow_over_limit=allow_over_limit,
        )

    def cancel(
        self, tx: Tx, appointment_id: str, *, author: Author, expected_version: int | None, reason: str | None = None
    ) -> Appointment:
        """Cancel for good; frees the courtesy car. One that is cancelled already stays as it is."""
        return appointments.cancel(
            self.plans, tx, appointment_id, author=author, expected_version=expected_version, reason=reason
        )

    def create_customer(self, tx: Tx, values: Mapping[str, Any], *, author: Author, site: str = "") -> Customer:
        """`values`: fields of `Customer`; `id` is optional. `site`: the one through which the customer comes into the
        book, if one is known; its country is what a blank country means."""
        return customers.create(tx, values, author=author, site=site)

    def change_customer(
        self, tx: Tx, customer_id: str, changes: Mapping[str, Any], *, author: Author, expected_version: int | None
    ) -> Customer:
        """A locked customer changes only by an author whose channel is `dms:<locked_by>`; permissions are free."""
        return customers.change(tx, customer_id, changes, author=author, expected_version=expected_version)

    def erase_customer(
        self, tx: Tx, customer_id: str, author: Author, traces: privacy.Traces | None = None
    ) -> Customer:
        """Blank the person everywhere (GDPR, article 17); refused while an appointment lies ahead. `traces`: what
        `privacy.look` found just before. The file is cleaned by `wtpd.store.cleaning.clean` after the commit."""
        return customers.erase(tx, customer_id, author, traces)

    def keep_partner_record(self, tx: Tx, record: PartnerRecord) -> PartnerRecord:
        """Keep which record of ours a partner's id stands for. Raises `Invalid` for texts that can't be kept, and
        `Refused` of kind `erased` for the id of a person who was erased."""
        return partner_ids.keep(tx, record)

    def erase_notes(self, tx: Tx, appointment_id: str, author: Author) -> Appointment:
        """Blank the notes of an appointment that name somebody who was erased, in its history too."""
        return appointments.erase_notes(self.plans, tx, appointment_id, author)

    def export_customer(self, tx: Tx, customer_id: str) -> dict[str, Any]:
        """Everything held on one person, as JSON values (GDPR, article 15)."""
        return privacy.export(tx, customer_id)

    def create_vehicle(self, tx: Tx, values: Mapping[str, Any], *, author: Author) -> Vehicle:
        """`values`: fields of `Vehicle`; `id` is optional."""
        return vehicles.create(tx, values, author=author)

    def change_vehicle(
        self, tx: Tx, vehicle_id: str, changes: Mapping[str, Any], *, author: Author, expected_version: int | None
    ) -> Vehicle:
        return vehicles.change(tx, vehicle_id, changes, author=author, expected_version=expected_version)

    def put_advisor(self, tx: Tx, advisor: Advisor, *, author: Author, expected_version: int | None = None) -> Advisor:
        """Make or replace; the version in `advisor` doesn't count. `expected_version` 0: there must be none yet."""
        return resources.put_advisor(self.plans, tx, advisor, author=author, expected_version=expected_version)

    def put_courtesy_car(
        self, tx: Tx, car: CourtesyCar, *, author: Author, expected_version: int | None = None
    ) -> CourtesyCar:
        """As `put_advisor`."""
        return resources.put_courtesy_car(self.plans, tx, car, author=author, expected_version=expected_version)

    def put_closure(self, tx: Tx, closure: Closure, *, author: Author, expected_version: int | None = None) -> Closure:
        """As `put_advisor`; an empty `id` makes a new one."""
        return resources.put_closure(self.plans, tx, closure, author=author, expected_version=expected_version)

    def remove_closure(self, tx: Tx, closure_id: str, *, author: Author, expected_version: int | None = None) -> None:
        resources.remove_closure(self.plans, tx, closure_id, author=author, expected_version=expected_version)
