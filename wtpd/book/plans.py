"""The plans of all departments, as the configuration has them now."""

from __future__ import annotations

from collections.abc import Mapping

from wtpd.errors import Invalid, Problem
from wtpd.planner.resources import DepartmentPlan
from wtpd.texts import N_

Plans = Mapping[tuple[str, str], DepartmentPlan]
"""By site and department."""


def plan_of(plans: Plans, site: str, department: str) -> DepartmentPlan:
    """Return the plan of a department. Raises `Invalid` for a site or department that isn't configured."""
    plan = plans.get((site, department))
    if plan is None:
        field, text = "site", N_("There is no site {site}.", site=site)
        if any(known == site for known, _ in plans):
            field = "department"
            text = N_("Site {site} has no department {department}.", site=site, department=department)
        raise Invalid(text, problems=[Problem(field, text)])
    return plan
