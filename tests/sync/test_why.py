"""Why a partner can't be reached is said in the reader's language, never in the words of a library."""

from __future__ import annotations

import errno
import re
import socket
import ssl

import pytest

from wtpd.channel.errors import (
    BrokenItem,
    NeedsToken,
    NotAllowed,
    PartnerBroken,
    PartnerError,
    Precondition,
    RateLimited,
    Rejected,
    TooLarge,
    Transient,
    why,
)
from wtpd.network_words import NETWORK, SYSTEM, no_connection, of_system
from wtpd.sync.mass_change_guard import MassCancellation, PartnerRestored

LIBRARY = "GET /v1/x: no connection (Connection refused)"
_ENGLISH = re.compile(r"\b(the|its?|answer|connection|refused|with|failed|isn't|doesn't|appointments)\b")


def refused_certificate() -> OSError:
    error = ssl.SSLCertVerificationError("self-signed certificate")
    error.verify_code = 18
    return error


ERRORS: list[Exception] = [
    *(kind(LIBRARY) for kind in (Transient, PartnerBroken, TooLarge, BrokenItem, Precondition, PartnerError)),
    *(kind(LIBRARY, status=500) for kind in (Transient, PartnerBroken, NeedsToken, NotAllowed, Rejected)),
    RateLimited(LIBRARY, retry_after=3.0), MassCancellation(3, 4), PartnerRestored(3, 4), ValueError(LIBRARY),
]  # fmt: skip
CAUSES: list[OSError] = [
    *(OSError(number, "the words of the system") for number in [*NETWORK, errno.EIO]), TimeoutError("the time"),
    socket.gaierror(-2, "Name or service not known"), ssl.SSLError("wrong version number"), refused_certificate(),
    OSError("Multiple exceptions: [Errno 111] Connect call failed ('127.0.0.1', 9)"),
]  # fmt: skip


@pytest.mark.parametrize("language", ["de", "nl"])
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_the_reason_is_in_the_readers_language(error: Exception, language: str) -> None:
    assert not _ENGLISH.search(why(error).render(language))


@pytest.mark.parametrize("language", ["de", "nl"])
@pytest.mark.parametrize("cause", CAUSES, ids=repr)
def test_so_is_the_cause_of_a_missing_connection(cause: OSError, language: str) -> None:
    outer = RuntimeError("the library's words")
    outer.__cause__ = cause
    text = why(Transient(LIBRARY, reason=no_connection(outer))).render(language)
    assert not _ENGLISH.search(text)
    assert text.startswith(("keine Verbindung", "geen verbinding"))


def test_the_partners_own_sentence_is_kept() -> None:
    assert why(Rejected("422", detail="Der Tag ist voll")).render("de") == "die Antwort war: Der Tag ist voll"


@pytest.mark.parametrize("language", ["de", "en", "nl"])
@pytest.mark.parametrize("number", [*SYSTEM, *NETWORK, errno.EBADF])
def test_so_are_the_reasons_of_the_operating_system(number: int, language: str) -> None:
    shown = of_system(OSError(number, "the words of the system")).render(language)
    assert "the words" not in shown
    assert language == "en" or not _ENGLISH.search(shown)
