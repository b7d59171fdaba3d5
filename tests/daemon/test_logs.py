"""The log: structured in the journal, plain elsewhere, and never with a secret."""

from __future__ import annotations

import io
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from wtpd.daemon.logs import HIDDEN, MESSAGES, CleanFormatter, JournalHandler, Redactor, set_up

SECRET = "c4nary-S3cret-value"


@pytest.mark.parametrize(
    "line",
    [
        f"Authorization: Bearer {SECRET}",
        f"{{'Authorization': 'Bearer {SECRET}'}}",
        f"Bearer {SECRET}",
        f"POST https://user:{SECRET}@partner.example/oauth",
        f"client_secret={SECRET}&grant_type=client_credentials",
        f'{{"clientSecret": "{SECRET}"}}',
        f'{{"access_token":"{SECRET}","expires_in":3600}}',
        f"password: {SECRET}",
        f"api-key={SECRET}",
    ],
)
def test_what_looks_like_a_secret_is_taken_out(line: str) -> None:
    cleaned = Redactor().clean(line)
    assert SECRET not in cleaned
    assert HIDDEN in cleaned


@pytest.mark.parametrize(
    "line",
    [
        "superservice/rostock needs a new token",
        "token expires in 14 days",
        "wtpd.yaml:42: password belongs into the credential store",
        "GET https://partner.example/v1/dealers/00123/changes?cursor=17",
        "basic capacity of 2026-11-21",
    ],
)
def test_ordinary_sentences_stay(line: str) -> None:
    assert Redactor().clean(line) == line


def test_secrets_in_use_are_taken_out_wherever_they_stand() -> None:
    redactor = Redactor()
    redactor.know([SECRET, "ab"])
    assert redactor.clean(f"odd/{SECRET}/place, abacus") == f"odd/{HIDDEN}/place, abacus"


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    logger = logging.getLogger("wtpd.test.logs")
    yield logger
    logger.handlers.clear()


def test_the_journal_gets_fields_and_no_raw_arguments(logger: logging.Logger) -> None:
    redactor = Redactor()
    redactor.know([SECRET])
    entries: list[dict[str, object]] = []
    logger.addHandler(
        JournalHandler(lambda message, **fields: entries.append({"MESSAGE": message, **fields}), redactor)
    )
    try:
        raise ValueError(SECRET)
    except ValueError:
        extra = {"CONNECTOR": "superservice", "RUN": SECRET}
        logger.exception("Run of %s: %s", "rostock", SECRET, extra=extra)
    [fields] = entries
    assert str(fields["MESSAGE"]).startswith(f"Run of rostock: {HIDDEN}\nTraceback")
    assert (fields["CONNECTOR"], fields["PRIORITY"], fields["SYSLOG_IDENTIFIER"]) == ("superservice", "3", "wtpd")
    assert fields["MESSAGE_ID"] == MESSAGES["run"]
    assert isinstance(fields["CODE_LINE"], int)  # systemd's binding takes nothing else
    assert SECRET not in f"{fields}"


def test_plain_lines_where_there_is_no_journal(logger: logging.Logger) -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(CleanFormatter("%(levelname)s %(message)s", Redactor()))
    logger.addHandler(handler)
    logger.error("password=%s", SECRET)
    assert stream.getvalue() == f"ERROR password={HIDDEN}\n"


@pytest.fixture
def root_logger() -> Iterator[logging.Logger]:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    quiet = {name: logging.getLogger(name).level for name in ("httpx", "asyncio", "uvicorn")}
    yield root
    root.handlers[:] = before
    root.setLevel(level)
    for name, one in quiet.items():
        logging.getLogger(name).setLevel(one)


def test_the_journal_is_used_only_if_stderr_is_its_stream(tmp_path: Path, root_logger: logging.Logger) -> None:
    with (tmp_path / "out").open("w") as stream:
        about = os.fstat(stream.fileno())
        set_up({"JOURNAL_STREAM": f"{about.st_dev}:{about.st_ino}"}, stream=stream)
        assert isinstance(root_logger.handlers[0], JournalHandler)
        set_up({"JOURNAL_STREAM": "1:1", "WTPD_LOG_LEVEL": "debug"}, stream=stream)
        assert isinstance(root_logger.handlers[0], logging.StreamHandler)
        assert root_logger.level == logging.DEBUG


def test_without_the_library_the_journal_gets_plain_lines_with_their_priority(
    tmp_path: Path, root_logger: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "systemd", None)  # as where it isn't installed
    with (tmp_path / "out").open("w+") as stream:
        about = os.fstat(stream.fileno())
        set_up({"JOURNAL_STREAM": f"{about.st_dev}:{about.st_ino}"}, stream=stream)
        logging.getLogger("wtpd.x").error("password=%s\nsecond line", SECRET)
        stream.seek(0)
        warning, *lines = stream.read().splitlines()
    assert warning.startswith("<4>")
    assert "pip install systemd-python" in warning
    assert lines == [f"<3>wtpd.x: password={HIDDEN} second line"]


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("POST /oauth/token: no answer within 15 s", "POST /oauth/token: no answer within 15 s"),
        ("POST https://x.example/oauth/token: no answer", "POST https://x.example/oauth/token: no answer"),
        ("token: abcdefgh", f"token: {HIDDEN}"),
        ("superservice/token: abcdefgh", f"superservice/token: {HIDDEN}"),
        ("GET /x?token=abcdefgh", f"GET /x?token={HIDDEN}"),
        ("GET /oauth/token:abcdefgh", f"GET /oauth/token:{HIDDEN}"),
    ],
)
def test_what_a_path_ends_with_is_no_secret(said: str, kept: str) -> None:
    assert Redactor().clean(said) == kept
