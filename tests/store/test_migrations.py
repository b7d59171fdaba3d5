"""Old databases are brought up to date with all that is in them; strange and newer ones are left alone."""

from __future__ import annotations

import sqlite3
import zlib
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from wtpd.errors import Unavailable
from wtpd.store import appointments, customers, identifications
from wtpd.store.database import Database
from wtpd.store.identifications import StoredAnswers
from wtpd.store.migrations import APPLICATION_ID, migrate, scripts
from wtpd.vehicle_data.records import Question

CUSTOMER = "INSERT INTO customer (id, last_name, origin, version) VALUES ('c1', 'Lübs', 'planner', 3)"
APPOINTMENT = """INSERT INTO appointment
  (id, site, department, drop_off, collection, status, customer_id, origin, version) VALUES
  ('a1', 'rostock', 'Werkstatt', '2026-11-09T07:00:00Z', '2026-11-09T09:00:00Z', 'scheduled', 'c1', 'planner', 2)"""
BROKEN = """CREATE TABLE half (id INTEGER PRIMARY KEY);
INSERT INTO half VALUES (1);
UPDATE appointment SET notes = 'touched';
INSERT INTO nowhere VALUES (1);
"""


def build(path: Path, count: int) -> None:
    """A database as the first `count` migrations leave it, with an appointment in it."""
    con = sqlite3.connect(path, isolation_level=None)
    migrate(con, path, scripts()[:count])
    con.execute(CUSTOMER)
    con.execute(APPOINTMENT)
    con.close()


def state(path: Path) -> tuple[int, list[tuple[object, ...]], set[str]]:
    con = sqlite3.connect(path)
    version = con.execute("PRAGMA user_version").fetchone()[0]
    rows = con.execute("SELECT id, notes, version FROM appointment").fetchall()
    tables = {row[0] for row in con.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    con.close()
    return version, rows, tables


@pytest.mark.parametrize("count", range(1, len(scripts()) + 1))
async def test_every_older_database_comes_up_to_date_with_its_data(tmp_path: Path, count: int) -> None:
    path = tmp_path / "book.db"
    build(path, count)
    database = await Database.open(path)
    appointment = await database.read(lambda tx: appointments.get(tx, "a1"))
    customer = await database.read(lambda tx: customers.get(tx, "c1"))
    sql = "SELECT name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY name"
    schema = await database.read(lambda tx: [tuple(row) for row in tx.all(sql)])
    await database.close()
    assert (appointment.customer_id, appointment.version, customer.last_name) == ("c1", 2, "Lübs")
    fresh = sqlite3.connect(":memory:", isolation_level=None)
    migrate(fresh, Path("fresh"))
    assert schema == fresh.execute(sql).fetchall()
    fresh.close()
    assert state(path)[0] == scripts()[-1][0]


@pytest.mark.parametrize("count", range(1, len(scripts()) + 1))
def test_a_failure_in_the_middle_leaves_the_last_whole_schema_and_all_data(tmp_path: Path, count: int) -> None:
    path = tmp_path / "book.db"
    build(path, count)
    before = state(path)
    con = sqlite3.connect(path, isolation_level=None)
    with pytest.raises(sqlite3.OperationalError, match="nowhere"):
        migrate(con, path, [*scripts()[:count], (scripts()[count - 1][0] + 1, BROKEN)])
    assert not con.in_transaction
    con.close()
    assert state(path) == before


def test_no_two_migrations_have_one_number() -> None:
    numbers = [number for number, _ in scripts()]
    assert numbers == sorted(set(numbers))


async def test_a_database_of_a_newer_wtpd_is_refused_and_untouched(tmp_path: Path) -> None:
    path = tmp_path / "book.db"
    build(path, len(scripts()))
    con = sqlite3.connect(path)
    con.execute("PRAGMA user_version=999")
    con.close()
    before = path.read_bytes()
    with pytest.raises(Unavailable, match=r"newer wtpd \(schema 999"):
        await Database.open(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("mark", ["CREATE TABLE theirs (id)", "PRAGMA application_id=4711", "PRAGMA user_version=3"])
async def test_a_database_of_another_program_is_refused_and_untouched(tmp_path: Path, mark: str) -> None:
    path = tmp_path / "book.db"
    con = sqlite3.connect(path, isolation_level=None)
    con.execute(mark)
    con.close()
    before = path.read_bytes()
    with pytest.raises(Unavailable, match="another program"):
        await Database.open(path)
    assert path.read_bytes() == before


async def test_the_file_says_whose_it_is(tmp_path: Path) -> None:
    path = tmp_path / "book.db"
    await (await Database.open(path)).close()
    assert int.from_bytes(path.read_bytes()[68:72], "big") == APPLICATION_ID


async def test_a_vehicle_identified_before_extras_were_kept_stays_identified(tmp_path: Path) -> None:
    path = tmp_path / "book.db"
    before = [script for script in scripts() if script[0] < 63]
    build(path, len(before))
    con = sqlite3.connect(path, isolation_level=None)
    con.execute("INSERT INTO vehicle (id, vin, version) VALUES ('v1', 'WVWDEXTESTSTUB001', 1)")
    con.execute(
        "INSERT INTO vehicle_identification VALUES ('v1', 'WVWDEXTESTSTUB001', '019051150020002', 'DE001', 5386,"
        " '2026-11-09T07:00:00Z', 'anna')"
    )
    con.close()
    database = await Database.open(path)
    chosen = await database.read(lambda tx: identifications.chosen(tx, "v1"))
    await database.close()
    assert chosen is not None
    assert (chosen.source, chosen.code, chosen.extras) == ("dat", "019051150020002 DE001", None)
    assert (chosen.reference["datecode"], chosen.reference["construction_time"]) == ("019051150020002", 5386)
    assert chosen.reference["extras"] is None


async def test_what_was_paid_for_before_there_were_several_sources_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "book.db"
    build(path, len([script for script in scripts() if script[0] < 64]))
    con = sqlite3.connect(path, isolation_level=None)
    con.execute("INSERT INTO vehicle (id, vin, version) VALUES ('v1', 'WVWDEXTESTSTUB001', 1)")
    con.execute(
        "INSERT INTO vehicle_identification VALUES ('v1', 'WVWDEXTESTSTUB001', '019051150020002', 'DE001', 5386,"
        " '2026-11-09T07:00:00Z', 'anna', '[10, 20]')"
    )
    asked = "VALUES (1, 'WVWDEXTESTSTUB001', 'ALL', 'de-DE/DE', '2026-11-09T07:00:00Z'"
    con.execute(f"INSERT INTO identification {asked}, '{{}}')")
    con.execute(f"INSERT INTO identification_unread {asked}, 'too new', 'utf-8', ?)", (zlib.compress(b"<a/>"),))
    con.execute("INSERT INTO identification_count VALUES ('2026-11-09', 'WVWDEXTESTSTUB001', 23)")
    con.close()
    database = await Database.open(path)
    chosen = await database.read(lambda tx: identifications.chosen(tx, "v1", "dat"))
    question = Question("dat", "WVWDEXTESTSTUB001", "ALL", "de-DE/DE")
    since = datetime(2026, 11, 1, tzinfo=UTC)
    answers = StoredAnswers(database)
    kept, unread = await answers.kept(question, since), await answers.unread(question, since)
    counted = await answers.counted("dat", "WVWDEXTESTSTUB001", date(2026, 11, 9))
    await database.close()
    assert chosen is not None and (chosen.extras, chosen.reference["extras"]) == (2, [10, 20])
    assert kept is not None and kept.text == "{}"
    assert unread is not None and (unread.charset, unread.content) == ("utf-8", b"<a/>")
    assert counted == 23
