"""The last log lines: in memory, in files that outlive a restart, never with a secret, never in anybody's way."""

from __future__ import annotations

import json
import logging
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from wtpd.daemon import line_file, log_book
from wtpd.daemon.line_file import LineFile
from wtpd.daemon.log_book import Line, LogBook
from wtpd.daemon.logs import HIDDEN, Redactor

SECRET = "c4nary-S3cret-value"
Open = Callable[[], LogBook]
log = logging.getLogger("wtpd.test.book")


def anything(line: Line) -> bool:
    return True


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Opens the book; one that is still open is closed first, as by a restart."""
    monkeypatch.setattr(logging.getLogger("wtpd.test.book"), "level", logging.DEBUG)
    redactor = Redactor()
    redactor.know([SECRET])
    books: list[LogBook] = []

    def again() -> LogBook:
        for book in books:
            book.close()
        book = LogBook(tmp_path, redactor)
        book.listen()
        book.begin()
        books.append(book)
        return book

    yield again
    for book in books:
        book.close()


def messages(book: LogBook, limit: int = 100, before: int | None = None) -> list[str]:
    return [line.message for line in book.page(anything, before=before, limit=limit)]


def test_a_line_has_its_fields_and_no_secret(opened: Open, tmp_path: Path) -> None:
    book = opened()
    heard: list[Line] = []
    book.on_line = heard.append
    extra = {"CONNECTOR": "superservice", "SITE": "rostock", "RUN": SECRET, "MESSAGE_ID": "6a1d", "APPOINTMENT": "a-1"}
    try:
        raise ValueError(SECRET)
    except ValueError:
        log.exception("password=%s", "other-secret", extra=extra)
    [line] = book.page(anything)
    assert line == heard[0]
    assert (line.level, line.logger, line.appointment_id) == ("error", "wtpd.test.book", "a-1")
    assert (line.channel, line.connector, line.site) == ("superservice/rostock", "superservice", "rostock")
    assert line.fields == {"run": HIDDEN}
    assert line.message.startswith(f"password={HIDDEN}\nTraceback")
    book.close()
    kept = (tmp_path / log_book.NAME).read_text()
    assert json.loads(kept)["message"] == line.message
    assert SECRET not in kept
    assert "other-secret" not in kept


def test_a_channel_says_its_connector_and_site(opened: Open) -> None:
    book = opened()
    log.info("one", extra={"CHANNEL": "superservice/rostock"})
    log.info("two", extra={"CONNECTOR": "dat"})
    two, one = book.page(anything)
    assert (one.channel, one.connector, one.site) == ("superservice/rostock", "superservice", "rostock")
    assert (two.channel, two.connector, two.site) == (None, "dat", None)


def test_lines_outlive_a_restart_and_numbers_go_on(opened: Open, tmp_path: Path) -> None:
    opened()
    log.warning("first life")
    book = opened()
    assert messages(book) == ["first life"]
    log.warning("second life")
    newest, oldest = book.page(anything)
    assert (newest.message, oldest.message) == ("second life", "first life")
    assert newest.id > oldest.id
    assert stat.S_IMODE((tmp_path / log_book.NAME).stat().st_mode) == 0o600


def test_numbers_go_on_even_if_the_clock_was_set_back(opened: Open, tmp_path: Path) -> None:
    late = Line(id=9_000_000_000_000, at="2255-03-14T00:00:00Z", level="info", logger="x", message="from the future")
    (tmp_path / log_book.NAME).write_bytes(log_book._encode(late) + b"\n")
    book = opened()
    log.info("now")
    assert messages(book) == ["now", "from the future"]


def test_what_was_heard_before_the_file_was_there_comes_behind_its_last_line(opened: Open, tmp_path: Path) -> None:
    """As on a box whose clock comes up in the past."""
    ahead = log_book.Line(id=1 << 50, at="", level="info", logger="x", message="by the clock before")
    LineFile(tmp_path / log_book.NAME).append(json.dumps(msgspec.to_builtins(ahead)).encode())
    book = LogBook(tmp_path, Redactor())
    book.listen()
    log.warning("one")
    log.warning("two")
    book.begin()
    log.warning("three")
    assert messages(book) == ["three", "two", "one", "by the clock before"]
    book.close()
    assert messages(opened()) == ["three", "two", "one", "by the clock before"]


def test_pages_go_from_memory_on_into_the_files(opened: Open, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(log_book, "KEPT", 3)
    monkeypatch.setattr(line_file, "MOST", 1500)
    book = opened()
    for number in range(10):
        log.info("line %d", number)
    book.close()
    assert (tmp_path / f"{log_book.NAME}.1").exists()
    book = opened()
    for number in range(10, 15):
        log.info("line %d", number)
    book.close()  # all are in the files by now, the last three in memory too
    first = book.page(anything, limit=4)
    assert [line.message for line in first] == ["line 14", "line 13", "line 12", "line 11"]
    rest = messages(book, before=first[-1].id)
    assert rest == [f"line {number}" for number in range(10, 10 - len(rest), -1)]
    assert len(rest) >= 3
    assert messages(book, before=0) == []


def test_the_files_never_grow_beyond_their_size(opened: Open, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(line_file, "MOST", 2000)
    book = opened()
    for number in range(100):
        log.info("line %d %s", number, "x" * 100)
    book.close()
    sizes = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    assert set(sizes) == {log_book.NAME, f"{log_book.NAME}.1"}
    assert max(sizes.values()) <= 2000
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in tmp_path.iterdir())


def test_a_line_that_was_cut_off_costs_only_itself(opened: Open, tmp_path: Path) -> None:
    opened()
    log.info("whole")
    book = opened()
    book.close()
    with (tmp_path / log_book.NAME).open("ab") as file:
        file.write(b'{"id":3,"at":"2026-11-21T')
    book = opened()
    log.info("after")
    assert messages(opened()) == ["after", "whole"]


def test_a_disk_that_is_full_stops_nothing_and_is_tried_again(tmp_path: Path) -> None:
    file = LineFile(tmp_path / "log")
    file.append(b"one")
    full = os.open("/dev/full", os.O_WRONLY)
    file._file = full  # every write says: no space left
    file.append(b"two")
    file.append(b"three")
    assert list(file.backwards()) == [b"three", b"", b"one"]
    file.close()


def test_a_folder_that_is_gone_stops_nothing(opened: Open, tmp_path: Path) -> None:
    book = LogBook(tmp_path / "nowhere", Redactor())
    book.listen()
    book.begin()
    log.error("kept in memory at least")
    assert messages(book) == ["kept in memory at least"]
    book.close()


def test_the_middle_of_a_long_line_is_left_out(opened: Open) -> None:
    book = opened()
    log.info("%s", "a" * 5000 + "z" * 5000)
    [message] = messages(book)
    assert len(message) <= log_book.LONGEST + 5
    assert (message[0], message[-1]) == ("a", "z")


def test_closed_twice_it_hears_no_more(opened: Open) -> None:
    book = opened()
    book.close()
    book.close()
    log.error("too late")
    assert messages(book) == []
    assert book not in logging.getLogger().handlers


def test_a_line_plays_no_tricks_with_the_terminal(opened: Open) -> None:
    book = opened()
    log.info("said: \x1b[2J\x9bm\r\n\u202enext", extra={"ACTOR": "\x1b]0;x\x07"})
    [line] = book.page(anything)
    assert line.message == "said:  [2J m next"
    assert line.fields == {"actor": " ]0;x "}
