"""What people can ask DAT, as forms; the routes are in `wtpd/daemon/api/identification.py`."""

from __future__ import annotations

from wtpd.connectors.manifest import Action, ActionField
from wtpd.texts import N_

_ORDER = (
    ActionField(name="site", label=N_("For the site"), form="site"),
    ActionField(name="assessor", label=N_("For the assessor")),
)
"""Whom it is for decides whose login at DAT is used."""

_RESTRICTIONS = (
    ("ALL", N_("all vehicles")),
    ("REPAIR", N_("vehicles that can be calculated (repair)")),
    ("APPRAISAL", N_("vehicles that can be valued (appraisal)")),
)

_TAXATION = (("REGULAR", N_("regular taxation")), ("DIFFERENCE", N_("taxation of the margin")))

ACTIONS = (
    Action(
        name="identify",
        label=N_("Identify by the VIN"),
        on="vehicle",
        path="/v1/vehicles/{id}/identification",
        confirm=N_("DAT takes money for the query, unless it was asked the same in the last 30 days."),
        fields=(
            ActionField(name="vin", label=N_("VIN, if the vehicle has none yet")),
            ActionField(name="choose", label=N_("Number of the candidate, if there are several"), form="digits"),
            ActionField(name="restriction", label=N_("Look among"), form="choice", choices=_RESTRICTIONS),
            ActionField(name="refresh", label=N_("Ask again although it was asked lately"), form="flag"),
            *_ORDER,
        ),
    ),
    Action(
        name="value",
        label=N_("Value"),
        on="vehicle",
        path="/v1/vehicles/{id}/valuation",
        confirm=N_("DAT may take money for the valuation."),
        fields=(
            ActionField(name="odometer_km", label=N_("Odometer (km), if not the vehicle's own"), form="digits"),
            ActionField(name="first_registration", label=N_("First registration, if another"), form="date"),
            ActionField(name="taxation", label=N_("Taxation, if not the usual one"), form="choice", choices=_TAXATION),
            *_ORDER,
        ),
    ),
)
