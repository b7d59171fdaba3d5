"""Which language is spoken."""

from __future__ import annotations

import pytest

from wtpd.language import choose


@pytest.mark.parametrize(
    ("arguments", "environment", "language"),
    [
        ([], {}, "en"),
        ([], {"LANG": "de_DE.UTF-8"}, "de"),
        ([], {"LANG": "nl_NL.UTF-8"}, "nl"),
        ([], {"LANG": "fr_FR.UTF-8"}, "en"),
        ([], {"LANG": "C.UTF-8"}, "en"),
        ([], {"LANG": "de_DE.UTF-8", "LC_ALL": "nl_NL"}, "nl"),
        ([], {"LANG": "de_DE.UTF-8", "WTPD_LANG": "en"}, "en"),
        (["status", "--lang", "nl"], {"WTPD_LANG": "de"}, "nl"),
        (["--lang=de", "status"], {}, "de"),
        (["status", "--lang"], {"LANG": "nl"}, "nl"),
        (["status", "--lang", "xx"], {"LANG": "nl"}, "nl"),
    ],
)
def test_the_nearest_wish_counts(arguments: list[str], environment: dict[str, str], language: str) -> None:
    assert choose(arguments, environment) == language
