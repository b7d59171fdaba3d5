"""Full-text search over appointments, customers and vehicles, with FTS5 (spec: quality.md, search).

Each record has a document of normalised words. A query's words must each begin a word of it; results come newest first
by walking the sorted lists of the index, never by sorting or ranking, so common names cost no more than rare ones.

`words` takes texts apart, `documents` keeps the index, `finding` asks it, and `slips` finds near misses.
"""

from wtpd.store.search.documents import (
    add_number,
    forget,
    merge,
    touch_appointment,
    touch_customer,
    touch_vehicle,
)
from wtpd.store.search.finding import appointments, customers, vehicles
from wtpd.store.search.slips import near
from wtpd.store.search.vocabulary import KINDS, drop_left_words

__all__ = [
    "KINDS",
    "add_number",
    "appointments",
    "customers",
    "drop_left_words",
    "forget",
    "merge",
    "near",
    "touch_appointment",
    "touch_customer",
    "touch_vehicle",
    "vehicles",
]
