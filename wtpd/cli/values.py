"""JSON values as one reads them in a line."""

from __future__ import annotations

import json
from typing import Any

from wtpd.language import say
from wtpd.texts import N_


def show_value(value: Any) -> str:
    """`–` for nothing, yes and no in words, the rest as short as it goes."""
    if value is None or value == "" or value == [] or value == {}:
        return "–"
    if isinstance(value, bool):
        return say(N_("yes")) if value else say(N_("no"))
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False)
    return str(value)
