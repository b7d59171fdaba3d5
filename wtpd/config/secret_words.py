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
_SAID = re.compile(r"(?P<key>[\w.-]*[A-Za-z])(?P<mark>[:=])(?!password@)(?P<value>[^\s\"',]+)")
"""But for the words `user:password@`, which our own sentences say."""
_USERINFO = re.compile(r"(?P<before>\b[a-z][a-z0-9+.-]*://)[^\s@\"']+@", re.IGNORECASE)


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
    return _USERINFO.sub(lambda found: f"{found['before']}{HIDDEN}@", text)
