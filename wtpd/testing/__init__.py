"""Contract suites for connectors, one for each port: what wtpd relies on, tried over real HTTP against the connector's
own side in the sandbox (docs/connectors.md). A connector's test module subclasses a suite and says how its partner
acts; pytest with pytest-asyncio runs it (`pip install wtpd[testing]`)."""

from __future__ import annotations

from wtpd.testing.appointments import AppointmentContract
from wtpd.testing.receiver import ReceiverContract
from wtpd.testing.rentals import RentalContract
from wtpd.testing.sandbox import Sandbox, access_to, giving, running_sandbox
from wtpd.testing.vehicle_data import VehicleDataContract

__all__ = [
    "AppointmentContract",
    "ReceiverContract",
    "RentalContract",
    "Sandbox",
    "VehicleDataContract",
    "access_to",
    "giving",
    "running_sandbox",
]
