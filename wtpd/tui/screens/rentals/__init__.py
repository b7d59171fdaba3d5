"""Rental cars out of an appointment, as the screens show them."""
