"""Logging: to the journal with structured fields where stderr is one, else plain lines on stderr. Without the library
systemd-python, an extra of the package, the journal gets plain lines with their priority.

Fields are given as upper-case extras: `log.info("…", extra={"CONNECTOR": "superservice", "SITE": "rostock"})`. A filter
at the very end takes secrets out that somebody let slip: the last net, not the first. What the API shows of it is kept
by `wtpd/daemon/log_book.py`.
"""

from __future__ import annotations

import logging
import os
import re
import shlex
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import TextIO

from wtpd.harmless import harmless, harmless_lines

log = logging.getLogger(__name__)

HIDDEN = "[secret]"
LONGEST_PATH = 300

MESSAGES: Mapping[str, str] = {
    "started": "6a1d2b7c0f3e4c559a346f2f0a9c1e01",
    "stopping": "6a1d2b7c0f3e4c559a346f2f0a9c1e02",
    "config-applied": "6a1d2b7c0f3e4c559a346f2f0a9c1e03",
    "config-rejected": "6a1d2b7c0f3e4c559a346f2f0a9c1e04",
    "config-held": "6a1d2b7c0f3e4c559a346f2f0a9c1e07",
    "channel-state": "6a1d2b7c0f3e4c559a346f2f0a9c1e05",
    "run": "6a1d2b7c0f3e4c559a346f2f0a9c1e06",
    "token-created": "6a1d2b7c0f3e4c559a346f2f0a9c1e08",
    "token-revoked": "6a1d2b7c0f3e4c559a346f2f0a9c1e09",
    "token-wrong": "6a1d2b7c0f3e4c559a346f2f0a9c1e0a",
    "pushed": "6a1d2b7c0f3e4c559a346f2f0a9c1e0b",
}
"""`MESSAGE_ID` of each kind of event, for `journalctl MESSAGE_ID=…` and alert rules."""

_KINDS: Mapping[str, str] = {"STATE": "channel-state", "RUN": "run"}
"""The kind of an entry, by a field that only this kind has: channels know no ids of the journal."""

_SECRETS = re.compile(
    r"""(?ix)
    (?P<before>
        \b(?:authorization|proxy-authorization)["']?\s*[:=]\s*(?:["']\s*)?(?:(?:bearer|basic|digest)\s*)?
      | \b(?:bearer|basic)\s+(?=[\w+/=.~-]{12,})
      | \bwtpd_[a-z0-9_-]{1,63}_[a-z2-7]{12}_(?=[a-z2-7]{8,})
      | ["']?\b(?:client[-_]?secret|passw(?:or)?d|pwd|(?:access|refresh)?[-_]?token|api[-_]?key|signature)["']?
        \s*[:=]\s*["']?
      | (?<![a-z0-9+.-])[a-z0-9+.-]+://[^\s/:@]+:(?=[^\s/@]+@)
    )
    (?P<secret>[^\s"',;&}\]@]+)"""
)


class Redactor:
    """Takes secrets out of text: what looks like one, and those it was told of."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def know(self, values: Iterable[str]) -> None:
        """Secrets in use; short ones would hit ordinary words and are left to the patterns."""
        self._known.update(value for value in values if len(value) >= 8)

    def clean(self, text: str) -> str:
        for secret in self._known:
            if secret in text:
                text = text.replace(secret, HIDDEN)
        return _SECRETS.sub(_hidden, text)


def _hidden(found: re.Match[str]) -> str:
    """The match without its secret; unchanged if it is the end of a path and the sentence behind it, such as
    `POST /oauth/token: no answer`."""
    if found["before"].endswith(": "):
        start = found.start()
        word = found.string[max(0, start - LONGEST_PATH) : start].rpartition(" ")[2]
        if word.startswith(("/", "http://", "https://")):
            return found[0]
    return found["before"] + HIDDEN


class CleanFormatter(logging.Formatter):
    """Formats a record, traceback included, without secrets and harmless: the message stays one line."""

    def __init__(self, pattern: str, redactor: Redactor) -> None:
        super().__init__(pattern)
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        return harmless_lines(self._redactor.clean(super().format(record)))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        record.message = harmless(record.message)
        return super().formatMessage(record)


class LineFormatter(CleanFormatter):
    """For a stream of lines: those of a traceback are indented, so that none of them looks like an entry."""

    def format(self, record: logging.LogRecord) -> str:
        return super().format(record).replace("\n", "\n    ")


class PriorityFormatter(LineFormatter):
    """Puts the priority before each line, as the journal reads it from standard error (sd-daemon(3))."""

    def format(self, record: logging.LogRecord) -> str:
        priority = _priority(record.levelno)
        return "\n".join(f"<{priority}>{line}" for line in super().format(record).split("\n"))


def extras(record: logging.LogRecord, redactor: Redactor) -> dict[str, str]:
    """The upper-case extras of a record, without secrets and harmless."""
    return {
        name: harmless(redactor.clean(str(value)))
        for name, value in record.__dict__.items()
        if name.isupper() and value is not None
    }


class JournalHandler(logging.Handler):
    """To the journal: the message and the upper-case extras, nothing else of the record. The unformatted arguments
    are left out, because a secret could be among them."""

    def __init__(self, send: Callable[..., object], redactor: Redactor) -> None:
        """`send`: as `systemd.journal.send`."""
        super().__init__()
        self._send = send
        self._redactor = redactor
        self.setFormatter(CleanFormatter("%(message)s", redactor))

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._send(self.format(record), CODE_LINE=record.lineno, **self._fields(record))
        except Exception:
            self.handleError(record)

    def _fields(self, record: logging.LogRecord) -> dict[str, str]:
        fields = extras(record, self._redactor)
        for field, kind in _KINDS.items():
            if field in fields:
                fields.setdefault("MESSAGE_ID", MESSAGES[kind])
        return {
            "SYSLOG_IDENTIFIER": "wtpd",
            "LOGGER": record.name,
            "CODE_FILE": record.pathname,
            "CODE_FUNC": record.funcName or "",
            "PRIORITY": _priority(record.levelno),
            **fields,
        }


def set_up(environment: Mapping[str, str], *, stream: TextIO | None = None, level: str = "INFO") -> Redactor:
    """Send all logging to one place; answers the redactor, so that it can be told of secrets in use."""
    redactor = Redactor()
    stream = stream or sys.stderr
    root = logging.getLogger()
    for handler in list(root.handlers):
        root.removeHandler(handler)
    handler = _handler(environment, stream, redactor)
    root.addHandler(handler)
    root.setLevel(environment.get("WTPD_LOG_LEVEL", level).upper())
    if isinstance(handler.formatter, PriorityFormatter):
        log.warning(
            "The library systemd-python isn't installed, so the journal gets lines without fields. "
            "Install it with: %s -m pip install systemd-python", shlex.quote(sys.executable),
        )  # fmt: skip
    for name in ("httpx", "httpcore", "aiosqlite", "asyncio", "watchfiles", "uvicorn", "mail"):
        logging.getLogger(name).setLevel(logging.WARNING)
    return redactor


def _handler(environment: Mapping[str, str], stream: TextIO, redactor: Redactor) -> logging.Handler:
    if _is_journal(environment.get("JOURNAL_STREAM", ""), stream):
        try:
            from systemd import journal  # 30 ms that only a box with a journal pays
        except ImportError:
            lines = logging.StreamHandler(stream)
            lines.setFormatter(PriorityFormatter("%(name)s: %(message)s", redactor))
            return lines
        return JournalHandler(journal.send, redactor)
    plain = logging.StreamHandler(stream)
    plain.setFormatter(LineFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s", redactor))
    return plain


def _is_journal(journal_stream: str, stream: TextIO) -> bool:
    """Whether `stream` is the pipe to the journal that systemd made (systemd.exec(5), `$JOURNAL_STREAM`)."""
    try:
        about = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return journal_stream == f"{about.st_dev}:{about.st_ino}"


def _priority(level: int) -> str:
    for limit, priority in ((10, "7"), (20, "6"), (30, "4"), (40, "3")):
        if level <= limit:
            return priority
    return "2"
