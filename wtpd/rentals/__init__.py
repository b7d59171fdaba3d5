"""Rental cars for the time of an appointment, by whoever rents them out (spec: carloop.md).

`ports.py` is the only border: connectors implement `RentalPartner`.
"""
