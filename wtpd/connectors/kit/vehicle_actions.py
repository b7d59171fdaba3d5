"""Actions that every source of vehicle data can list in its manifest; the house does them through the port."""

from __future__ import annotations

from wtpd.connectors.actions import CHOOSE, Action, ActionField, Asked, Done
from wtpd.texts import N_, Text

ORDER = (
    ActionField(name="site", label=N_("For the site"), form="site"),
    ActionField(name="assessor", label=N_("For the assessor"), form="assessor"),
)
"""Whom it is for decides whose login is used."""

_RESTRICTIONS = (
    ("ALL", N_("all vehicles")),
    ("REPAIR", N_("vehicles that can be calculated (repair)")),
    ("APPRAISAL", N_("vehicles that can be valued (appraisal)")),
)
_TAXATION = (("REGULAR", N_("regular taxation")), ("DIFFERENCE", N_("taxation of the margin")))
_CHOOSE = ActionField(
    name=CHOOSE, label=N_("Number of the candidate, if there are several"), form="digits", least=1, most=1000
)


def identify(confirm: Text | None = None) -> Action:
    """`identify`: what a vehicle is by its VIN; blanks are filled. `confirm`: what it costs."""
    return Action(
        name="identify",
        label=N_("Identify by the VIN"),
        on="vehicle",
        handler=_identify,
        confirm=confirm,
        fields=(
            ActionField(name="vin", label=N_("VIN, if the vehicle has none yet"), longest=64),
            _CHOOSE,
            ActionField(name="restriction", label=N_("Look among"), form="choice", choices=_RESTRICTIONS),
            ActionField(name="refresh", label=N_("Ask again although it was asked lately"), form="flag"),
            *ORDER,
        ),
    )


def value(confirm: Text | None = None) -> Action:
    """`value`: what a vehicle is worth that was identified. `confirm`: what it costs."""
    return Action(
        name="value",
        label=N_("Value"),
        on="vehicle",
        handler=_value,
        confirm=confirm,
        fields=(
            ActionField(
                name="odometer_km", label=N_("Odometer (km), if not the vehicle's own"), form="digits", most=10_000_000
            ),
            ActionField(name="first_registration", label=N_("First registration, if another"), form="date"),
            ActionField(name="taxation", label=N_("Taxation, if not the usual one"), form="choice", choices=_TAXATION),
            *ORDER,
        ),
    )


async def _identify(asked: Asked) -> Done:
    given = asked.values
    return await asked.house.identify(
        vin=given.get("vin", ""),
        restriction=given.get("restriction", "ALL"),
        refresh=given.get("refresh", False),
        choose=given.get(CHOOSE),
    )


async def _value(asked: Asked) -> Done:
    given = asked.values
    return await asked.house.value(
        odometer_km=given.get("odometer_km"),
        first_registration=given.get("first_registration"),
        taxation=given.get("taxation"),
    )


async def _check(asked: Asked) -> Done:
    return await asked.house.check()


CHECK = Action(name="check", label=N_("Check by the plate"), on="vehicle", handler=_check)
"""What a public register says of a vehicle; blanks are filled."""
