"""Workbooks of Excel (`.xlsx`) as rows of cells (docs/adr/0045). Read row by row, so that a large one isn't held in
memory; what it would unpack to is bounded before that.
"""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, BinaryIO

from wtpd.errors import Invalid
from wtpd.texts import N_

if TYPE_CHECKING:
    from openpyxl import Workbook

SIGNATURE = b"PK\x03\x04"
OLD_SIGNATURE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""Of `.xls` files, and of workbooks with a password."""
_LARGEST = 1 << 29
"""Bytes that all parts may unpack to."""
_LARGEST_STRINGS = 1 << 25
"""Bytes of the table of texts, which is held in memory."""
_MOST_PARTS = 1000
_MOST_COLUMNS = 500


def sheets(name: str, file: BinaryIO) -> Iterator[tuple[str, Iterator[tuple[int, list[str]]]]]:
    """Each sheet that isn't hidden: its name, and its rows that hold something by their number. Numbers and dates come
    as a German list writes them. Raises `Invalid` for what can't be read or would be too much."""
    _check_size(name, file)
    book = _opened(name, file)
    try:
        for sheet in book.worksheets:
            if sheet.sheet_state == "visible":
                yield sheet.title, _rows(name, sheet)
    finally:
        book.close()


def _opened(name: str, file: BinaryIO) -> Workbook:
    import openpyxl

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about styles and extensions that don't matter here
            return openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
    except Exception as error:  # openpyxl lets through whatever its parts raise
        raise _unreadable(name) from error


def _rows(name: str, sheet: Any) -> Iterator[tuple[int, list[str]]]:
    sheet.reset_dimensions()  # it may claim a million rows that aren't there
    try:
        for number, row in enumerate(sheet.iter_rows(values_only=True), 1):
            cells = [_written(value) for value in row[:_MOST_COLUMNS]]
            if any(cells):
                yield number, cells
    except (Invalid, GeneratorExit):
        raise
    except Exception as error:  # as above: a damaged sheet
        raise _unreadable(name) from error


def _check_size(name: str, file: BinaryIO) -> None:
    """Raises `Invalid` for what isn't a zip, or would unpack to too much."""
    try:
        parts = zipfile.ZipFile(file).infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
        raise _unreadable(name) from error
    strings = sum(part.file_size for part in parts if part.filename.lower().endswith("sharedstrings.xml"))
    if (
        len(parts) > _MOST_PARTS
        or sum(part.file_size for part in parts) > _LARGEST
        or strings > _LARGEST_STRINGS
    ):  # fmt: skip
        raise Invalid(N_("{name} unpacks to too much; save its sheets as CSV files (UTF-8)", name=name))
    file.seek(0)


def _unreadable(name: str) -> Invalid:
    return Invalid(N_("{name} can't be read as an Excel workbook; save it anew as .xlsx or CSV", name=name))


def _written(value: Any) -> str:
    """A cell as a list would write it."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value).replace(".", ",")
    if isinstance(value, datetime):
        value = value + timedelta(microseconds=500_000)  # Excel's days are floats, and lose a little
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, date):
        return f"{value:%Y-%m-%d}"
    return f"{value:%H:%M:%S}" if isinstance(value, time) else str(value)
