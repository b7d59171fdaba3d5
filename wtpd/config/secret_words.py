"""Which words of a settings file announce a secret. Pure."""

from __future__ import annotations

import re

HIDDEN = "•••"

_SECRET = re.compile(
    r"(^|[_.-])(token|pass(word|wd|wort|phrase)?|pwd|pw|wachtwoord|kennwort|secret|geheim(nis)?|credentials?|zugangsdaten"
    r"|(api|access|private|signing)[_-]?key|apikey|bearer|authori[sz]ation|client[_-]?(id|secret)|user(_?name)?|login"
    r"|benutzer(name)?|gebruiker(snaam)?|signature)s?$",
    re.IGNORECASE,
)
"""Keys that look like credentials, in the languages of those who write the file."""
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SAID = re.compile(r"(?<![\w.-])(?P<key>[\w.-]*[A-Za-z])(?P<mark>[:=])(?!password@)(?P<value>[^\s\"',]+)")
"""Except in the words `user:password@`, which wtpd's own sentences contain. A key is looked for only where a word
begins, so that a long word costs time in proportion to its length and not to its square."""
_BEFORE_AT = re.compile(r"(?<![^\s\"'])[^\s\"']+@")
"""A word up to its last `@`; only where a word begins, for the same reason."""


def looks_secret(key: str) -> bool:
    """`access_token`, `clientSecret`, `Kennwort`, …"""
    return _SECRET.search(_CAMEL.sub("_", key)) is not None


def hide_in(sentence: str) -> str:
    """A sentence that may quote the file, without what stands behind such a word: `token:abc` → `token:•••`."""
    return _SAID.sub(
        lambda found: f"{found['key']}{found['mark']}{HIDDEN}" if looks_secret(found["key"]) else found[0],
        without_userinfo(sentence),
    )


def without_userinfo(text: str) -> str:
    """`https://anna:hunter2@host` → `https://•••@host`."""
    return _BEFORE_AT.sub(_hide_userinfo, text) if "://" in text else text


def _hide_userinfo(found: re.Match[str]) -> str:
    scheme, mark, rest = found[0].partition("://")
    return f"{scheme}{mark}{HIDDEN}@" if mark and scheme[-1:].isalnum() and rest != "@" else found[0]
