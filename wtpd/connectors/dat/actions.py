"""What people can ask DAT, as forms; wtpd does it through the port."""

from __future__ import annotations

from wtpd.connectors.kit import vehicle_actions
from wtpd.texts import N_

ACTIONS = (
    vehicle_actions.identify(N_("DAT takes money for the query, unless it was asked the same in the last 30 days.")),
    vehicle_actions.value(N_("DAT may take money for the valuation.")),
)
