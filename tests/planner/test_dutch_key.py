from __future__ import annotations

import pytest

from wtpd.planner.plates import dutch_key


@pytest.mark.parametrize(
    ("plate", "key"),
    [
        ("12-abc-3", "12ABC3"), ("12ABC3", "12ABC3"), ("AM-50-01", "AM5001"), ("6 TJR 64", "6TJR64"), ("HRO-AB 1", ""),
        ("B-MW 12E", ""), ("", ""), ("1234567", ""),
    ],
)  # fmt: skip
def test_a_plate_of_the_dutch_form_has_its_key(plate: str, key: str) -> None:
    assert dutch_key(plate) == key
