"""The credential store on a real database: what it keeps, what it tells, and what a lost key stops."""

from __future__ import annotations

import sqlite3
import traceback
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.manual_clock import START, ManualClock
from tests.support.partners import KNOWN
from wtpd.errors import Invalid, NotFound
from wtpd.secrets.keys import KeyFiles, KeyLost
from wtpd.secrets.resolve import General, NoCredential, Order
from wtpd.store import credentials, people
from wtpd.store.database import Database, Tx
from wtpd.store.vault import Vault, rotate

LOGIN = {"customer_number": "1234567", "user_name": "müller", "password": "hunter2"}
CLIENT = {"client_id": "dms-123", "client_secret": "hunter2"}


class Box:
    """A database with its vault, as one box has them."""

    def __init__(self, folder: Path, db: Database, clock: ManualClock) -> None:
        self.folder, self.db, self.clock = folder, db, clock
        self.vault = Vault(KeyFiles(folder / "wtpd.key"), KNOWN)

    async def set(self, name: str, scope: str, values: dict[str, str], actor: str = "anna") -> credentials.Entry:
        return await self.db.write(lambda tx: self.vault.set(tx, name, scope, values, actor=actor))

    async def open(self, name: str, scope: str) -> dict[str, str]:
        return dict(await self.db.read(lambda tx: self.vault.open(tx, name, scope)))

    async def audit(self) -> list[tuple[str, str, str, str]]:
        lines = await self.db.read(credentials.audit)
        return [(line.actor, line.action, line.provider, line.scope) for line in reversed(lines)]


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Box]:
    clock = ManualClock()
    db = await Database.open(tmp_path / "wtpd.sqlite", clock=clock)
    yield Box(tmp_path, db, clock)
    await db.close()


async def test_what_is_stored_comes_back_and_is_encrypted_on_disk(box: Box) -> None:
    entry = await box.set("superservice", "general", {**CLIENT, "client_secret": " hunter2\r\n"})
    assert await box.open("superservice", "general") == CLIENT
    assert (entry.set_by, entry.set_at, entry.fields) == (
        "anna",
        "2026-11-23T08:00:00Z",
        ("client_id", "client_secret"),
    )
    assert len(entry.fingerprint) == 9
    await box.db.close()
    on_disk = b"".join(each.read_bytes() for each in box.folder.iterdir())
    assert b"hunter2" not in on_disk
    assert b"dms-123" not in on_disk


async def test_a_part_can_be_changed_alone(box: Box) -> None:
    first = await box.set("superservice", "general", CLIENT)
    second = await box.set("superservice", "general", {"client_secret": "new"}, actor="otto")
    assert await box.open("superservice", "general") == {**CLIENT, "client_secret": "new"}
    assert second.fingerprint != first.fingerprint
    with pytest.raises(Invalid, match="Client id is missing"):
        await box.set("superservice", "office:rostock", {"client_secret": "new"})


async def test_optional_fields_stay_until_they_are_emptied(box: Box) -> None:
    await box.set("email", "general", {"user_name": "u", "password": "p", "host": "mail.example.com"})
    await box.set("email", "general", {"user_name": "u", "password": "q"})
    assert (await box.open("email", "general"))["host"] == "mail.example.com"
    await box.set("email", "general", {"host": ""})
    assert "host" not in await box.open("email", "general")


async def test_the_signature_of_dat_is_made_anew_at_every_change_of_a_part(box: Box) -> None:
    await box.set("dat", "general", LOGIN)
    # printf '1234567:müller:hunter2' | sha256sum
    assert (await box.open("dat", "general"))["signature"] == (
        "9F56058A8DB50F8ED001E3DDB43087B8F9021F5C14844C55B23EB5806C57E503"
    )
    before = await box.open("dat", "general")
    await box.set("dat", "general", {"password": "other"})
    after = await box.open("dat", "general")
    assert after["signature"] != before["signature"]
    await box.set("dat", "general", {"password": "hunter2"})
    assert await box.open("dat", "general") == before


async def test_uses_are_noted_with_their_result_but_seldom(box: Box) -> None:
    await box.set("superservice", "general", CLIENT)

    async def use(result: str) -> tuple[str | None, str | None]:
        await box.db.write(lambda tx: box.vault.mark_used(tx, "superservice", "general", result=result))
        (entry,) = await box.db.read(box.vault.entries)
        return entry.last_used_at, entry.last_result

    assert await use("ok") == ("2026-11-23T08:00:00Z", "ok")
    box.clock.forward(minutes=30)
    assert await use("ok") == ("2026-11-23T08:00:00Z", "ok")
    assert await use("refused") == ("2026-11-23T08:30:00Z", "refused")
    box.clock.forward(hours=2)
    assert await use("refused") == ("2026-11-23T10:30:00Z", "refused")
    assert [action for _, action, _, _ in await box.audit()] == ["set", "first use"]
    await box.db.write(lambda tx: box.vault.mark_used(tx, "superservice", "office:gone", result="ok"))


async def test_a_test_is_no_use(box: Box) -> None:
    """The first real use is audited although it was tested before."""
    await box.set("superservice", "general", CLIENT)
    vault = box.vault
    await box.db.write(lambda tx: vault.mark_tested(tx, "superservice", "general", result="ok", actor="anna"))
    (entry,) = await box.db.read(vault.entries)
    assert (entry.last_used_at, entry.last_result) == (None, "ok")
    await box.db.write(
        lambda tx: vault.mark_tested(tx, "superservice", "general", result="refused", actor="anna", stored=False)
    )
    await box.db.write(lambda tx: vault.mark_used(tx, "superservice", "general", result=None))
    (entry,) = await box.db.read(vault.entries)
    assert (entry.last_used_at, entry.last_result) == ("2026-11-23T08:00:00Z", "ok")
    assert [action for _, action, _, _ in await box.audit()] == ["set", "test", "test", "first use"]


async def test_a_draft_is_what_would_be_stored_and_stores_nothing(box: Box) -> None:
    await box.set("dat", "general", LOGIN)
    draft = await box.db.read(lambda tx: box.vault.draft(tx, "dat", "general", {"password": " new\n"}))
    assert (draft["user_name"], draft["password"]) == ("müller", "new")
    assert draft["signature"] != (await box.open("dat", "general"))["signature"]
    assert (await box.open("dat", "general"))["password"] == "hunter2"


async def test_entries_of_those_who_left_serve_no_order(box: Box) -> None:
    await box.set("dat", "assessor:meier", LOGIN)
    order, rule = Order(assessor="meier"), General("assessor")
    person = people.Person(id="meier", name="Petra Meier")
    await box.db.write(lambda tx: people.put(tx, "assessor", person))
    assert (await box.db.read(lambda tx: box.vault.open_for(tx, "dat", order, rule)))[0] == "assessor:meier"
    await box.db.write(lambda tx: people.put(tx, "assessor", replace(person, active=False)))
    with pytest.raises(NoCredential, match="isn't active any more"):
        await box.db.read(lambda tx: box.vault.open_for(tx, "dat", order, rule))


async def test_every_set_test_reveal_and_removal_is_audited_for_good(box: Box) -> None:
    await box.set("cartv", "assessor:meier", LOGIN)
    await box.db.write(lambda tx: box.vault.mark_tested(tx, "cartv", "assessor:meier", result="ok", actor="otto"))
    await box.db.write(lambda tx: box.vault.reveal(tx, "cartv", "assessor:meier", actor="valuation"))
    await box.db.write(lambda tx: box.vault.remove(tx, "cartv", "assessor:meier", actor="otto"))
    assert await box.audit() == [
        ("anna", "set", "cartv", "assessor:meier"),
        ("otto", "test", "cartv", "assessor:meier"),
        ("valuation", "reveal", "cartv", "assessor:meier"),
        ("otto", "remove", "cartv", "assessor:meier"),
    ]
    for sql in ("DELETE FROM credential_audit", "UPDATE credential_audit SET actor = 'x'"):
        with pytest.raises(sqlite3.DatabaseError, match="append-only"):
            await box.db.write(lambda tx, sql=sql: tx.run(sql))  # type: ignore[misc]  # default argument of a lambda
    with pytest.raises(NotFound, match="CARTV has no entry for the scope assessor:meier"):
        await box.open("cartv", "assessor:meier")


async def test_an_order_gets_the_entry_of_its_office_or_the_reason(box: Box) -> None:
    await box.set("dat", "office:rostock", LOGIN)

    def at(office: str) -> Callable[[Tx], str]:
        return lambda tx: box.vault.open_for(tx, "dat", Order(office=office), General("office"))[0]

    assert await box.db.read(at("rostock")) == "office:rostock"
    with pytest.raises(NoCredential, match="the office guestrow has no entry for DAT"):
        await box.db.read(at("guestrow"))


async def test_expiry_is_kept(box: Box) -> None:
    expires = START + timedelta(days=14)
    entry = await box.db.write(
        lambda tx: box.vault.set(tx, "superservice", "general", CLIENT, actor="anna", expires_at=expires)
    )
    assert entry.expires_at == "2026-12-07T08:00:00Z"


async def test_a_missing_key_is_never_replaced_in_silence(box: Box) -> None:
    await box.set("superservice", "general", CLIENT)
    key = box.vault.files.path.read_bytes()
    box.vault.files.path.unlink()
    box.vault = Vault(box.vault.files, KNOWN)
    with pytest.raises(KeyLost, match="start-over"):
        await box.open("superservice", "general")
    with pytest.raises(KeyLost, match="start-over"):
        await box.set("dat", "general", LOGIN)
    assert not box.vault.files.path.exists()
    (entry,) = await box.db.read(box.vault.entries)
    assert not entry.readable
    state = await box.db.read(box.vault.state)
    assert (state.state, state.unreadable) == ("lost", (("superservice", "general"),))
    box.vault.files.path.write_bytes(key)  # brought back from its copy: no restart needed
    box.vault.files.path.chmod(0o600)
    assert await box.open("superservice", "general") == CLIENT


async def test_another_boxes_key_opens_nothing_but_credentials_can_be_entered_again(box: Box) -> None:
    await box.set("superservice", "general", CLIENT)
    await box.set("dat", "general", LOGIN)
    box.vault.files.path.unlink()
    box.vault.files.create()
    box.vault = Vault(box.vault.files, KNOWN)
    assert (await box.db.read(box.vault.state)).state == "lost"
    with pytest.raises(KeyLost):
        await box.open("superservice", "general")
    with pytest.raises(KeyLost):
        await box.set("superservice", "general", {"client_secret": "only a part"})
    await box.set("superservice", "general", CLIENT)
    assert await box.open("superservice", "general") == CLIENT
    state = await box.db.read(box.vault.state)
    assert (state.state, state.unreadable) == ("partly", (("dat", "general"),))
    assert "1 entry was stored with another key" in str(state.text)


async def test_starting_over_gives_up_what_cannot_be_opened_only(box: Box) -> None:
    assert (await box.db.read(box.vault.state)).state == "empty"
    await box.set("superservice", "general", CLIENT)
    box.vault.files.path.unlink()
    lost = await box.db.write(lambda tx: box.vault.start_over(tx, actor="anna"))
    assert lost == [("superservice", "general")]
    await box.set("dat", "general", LOGIN)
    assert await box.db.write(lambda tx: box.vault.start_over(tx, actor="anna")) == []
    assert await box.open("dat", "general")
    assert (await box.db.read(box.vault.state)).state == "ready"


async def test_a_value_altered_or_moved_in_the_database_is_noticed(box: Box) -> None:
    await box.set("dat", "general", LOGIN)
    await box.set("dat", "office:rostock", LOGIN)
    await box.db.write(
        lambda tx: tx.run(
            "UPDATE credential SET sealed ="
            " (SELECT sealed FROM credential c WHERE c.scope = 'general' AND c.field = 'password')"
            " WHERE scope = 'office:rostock' AND field = 'password'"
        )
    )
    assert await box.open("dat", "general")
    with pytest.raises(KeyLost, match="dat/office:rostock/password"):
        await box.open("dat", "office:rostock")


async def test_no_secret_in_errors_and_tracebacks(box: Box) -> None:
    for values in ({**CLIENT, "wrong": "x"}, {**CLIENT, "client_secret": "hunter2\x00"}):
        try:
            await box.set("superservice", "general", values)
        except Invalid as error:
            shown = "".join(traceback.format_exception(error)) + str(error.problems) + str(error.facts)
            assert "hunter2" not in shown
        else:
            pytest.fail("it should have been refused")


SCOPES = ["general", *(f"office:o{number}" for number in range(30))]


async def filled(box: Box) -> None:
    for scope in SCOPES:
        await box.set("dat", scope, {**LOGIN, "user_name": scope})


async def all_open(box: Box) -> bool:
    return all([(await box.open("dat", scope))["user_name"] == scope for scope in SCOPES])


async def test_changing_the_key_seals_everything_anew(box: Box) -> None:
    await filled(box)
    old = box.vault.files.path.read_bytes()
    before = {entry.scope: entry.fingerprint for entry in await box.db.read(box.vault.entries)}
    said = await rotate(box.db, box.vault, actor="anna")
    assert "keep a copy" in str(said)
    assert box.vault.files.path.read_bytes() != old
    assert not box.vault.files.next_path.exists()
    box.vault = Vault(box.vault.files, KNOWN)
    assert await all_open(box)
    after = {entry.scope: entry.fingerprint for entry in await box.db.read(box.vault.entries)}
    assert all(before[scope] != after[scope] for scope in SCOPES)
    again = await box.set("dat", "general", {**LOGIN, "user_name": "general"})
    assert again.fingerprint == after["general"]
    assert ("anna", "rotate", "", "") in await box.audit()


@pytest.mark.parametrize("steps", [0, 1, 2, 3])
async def test_a_change_of_keys_killed_at_any_step_goes_on(box: Box, steps: int) -> None:
    await filled(box)
    box.vault.files.begin_change()
    for _ in range(steps):
        await box.db.write(lambda tx: box.vault.reseal(tx, limit=10))
    box.vault = Vault(box.vault.files, KNOWN)  # as after a kill
    assert await all_open(box)
    await box.set("dat", "office:new", LOGIN)
    assert (await box.db.read(box.vault.state)).state == "ready"
    await rotate(box.db, box.vault, actor="anna")
    box.vault = Vault(box.vault.files, KNOWN)
    assert await all_open(box)
    ring = box.vault.files.load()
    assert ring is not None
    assert await box.db.read(credentials.key_ids) == {ring.active.id}


async def test_a_key_from_systemd_is_changed_in_two_restarts(box: Box) -> None:
    await filled(box)
    box.vault.files.begin_change()
    box.vault = Vault(KeyFiles(box.vault.files.path, writable=False), KNOWN)  # both handed over
    said = await rotate(box.db, box.vault, actor="anna")
    assert "let systemd hand it over as wtpd.key alone" in str(said)
    box.vault.files.next_path.rename(box.vault.files.path)
    box.vault = Vault(box.vault.files, KNOWN)
    assert await all_open(box)


async def test_an_altered_entry_does_not_stop_the_change_of_keys(box: Box) -> None:
    await filled(box)
    await box.db.write(lambda tx: tx.run("UPDATE credential SET sealed = x'00' WHERE scope = 'office:o7'"))
    await rotate(box.db, box.vault, actor="anna")
    assert await box.open("dat", "office:o8")
    with pytest.raises(KeyLost):
        await box.open("dat", "office:o7")
