"""Hides who the customers are from those who look over the shoulder: names, plates, numbers, addresses."""

from __future__ import annotations

import re
from typing import Any

PERSONAL = frozenset(
    (
        "name", "company", "salutation", "title", "first_name", "last_name", "street", "house_number", "postcode",
        "city", "email", "phone", "mobile", "business_email", "business_phone", "business_mobile", "number", "plate",
        "vin", "dms_number", "work_order", "notes", "customer_id", "vehicle_id",
    )
)  # fmt: skip
"""Fields that tell who somebody is, as the last part of their path."""


_LOOKS_PERSONAL = re.compile(
    r"""(?x)
      (?<![\w.+-])[\w.+-]+@[\w.-]+\.\w+            # e-mail addresses
    | \b[A-HJ-NPR-Z0-9]{17}\b                      # VINs
    | \b[A-ZÄÖÜ]{1,3}-[A-Z]{1,2}\ ?\d{1,4}[EH]?\b  # German plates
    | (?<![\w/-])(?!\d\d[-/]\d\d[-/]\d{4}\b)    # telephone numbers, which days are none
      (?:\+\d|0)[\d\ /()-]{6,}\d\b
    """
)


class Privacy:
    """`on` hides; `mask` is the sign that stands for each letter and digit."""

    def __init__(self, mask: str = "•") -> None:
        self.on = False
        self.mask = mask

    def hide(self, text: Any) -> str:
        """`text`, or as many signs as say nothing: between 3 and 8, so that its length tells little."""
        shown = "" if text is None else str(text)
        return self.mask * min(8, max(3, len(shown))) if self.on and shown else shown

    def hide_field(self, path: str, text: Any) -> str:
        """`text` of the field `path` (`customer.email`), hidden if it tells who somebody is."""
        return self.hide(text) if path.rpartition(".")[2] in PERSONAL else ("" if text is None else str(text))

    def hide_in(self, sentence: str) -> str:
        """A sentence without what looks like an address, a plate, or a number of somebody. Names can't be told from
        other words: where there may be some, the whole is to be hidden."""
        return _LOOKS_PERSONAL.sub(lambda found: self.hide(found[0]), sentence) if self.on else sentence
