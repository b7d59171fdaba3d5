"""The key: made once, never replaced in silence, readable by its owner only; what it sealed opens nowhere else."""

from __future__ import annotations

import base64
import pickle
import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wtpd.errors import Refused
from wtpd.secrets.fields import Fields
from wtpd.secrets.keys import SEALED, Key, KeyFiles, KeyHolder, KeyLost, find

BITS = bytes(range(32))
PLACE = ("superservice", "general", "client_secret")


def test_a_key_is_made_once_for_its_owner(tmp_path: Path) -> None:
    files = KeyFiles(tmp_path / "wtpd.key")
    assert files.load() is None
    files.create()
    assert stat.S_IMODE(files.path.stat().st_mode) == 0o600
    first = files.path.read_bytes()
    files.create()
    assert files.path.read_bytes() == first
    assert [each.name for each in tmp_path.iterdir()] == ["wtpd.key"]


@pytest.mark.parametrize(
    "data", [BITS, BITS.hex().encode(), base64.b64encode(BITS) + b"\n", b"  " + BITS.hex().encode() + b"\n"]
)
def test_forms_of_a_key(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "wtpd.key"
    path.write_bytes(data)
    path.chmod(0o600)
    ring = KeyFiles(path).load()
    assert ring is not None
    assert ring.active.id == Key(BITS).id


@pytest.mark.parametrize("data", [b"", b"short", BITS + b"x", b"z" * 64])
def test_a_damaged_key_is_an_error_not_another_key(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "wtpd.key"
    path.write_bytes(data)
    path.chmod(0o600)
    with pytest.raises(KeyLost, match="is damaged"):
        KeyFiles(path).load()


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    files = KeyFiles(tmp_path / "wtpd.key")
    files.create()
    files.path.chmod(0o640)
    with pytest.raises(KeyLost, match="chmod 600"):
        files.load()


def test_where_the_key_comes_from(tmp_path: Path) -> None:
    handed_over = tmp_path / "credentials"
    handed_over.mkdir()
    environ = {"CREDENTIALS_DIRECTORY": str(handed_over)}
    assert find(environ, tmp_path) == KeyFiles(tmp_path / "wtpd.key")
    (handed_over / "wtpd.key").write_bytes(BITS)
    assert find(environ, tmp_path) == KeyFiles(handed_over / "wtpd.key", writable=False, shown=SEALED)
    assert find(environ, tmp_path, tmp_path / "my.key") == KeyFiles(tmp_path / "my.key")


def test_a_sealed_key_that_cant_be_opened_here_is_told_with_its_cure(tmp_path: Path) -> None:
    (tmp_path / "wtpd.key.failed").write_text("x")
    files = find({"CREDENTIALS_DIRECTORY": str(tmp_path)}, tmp_path)
    with pytest.raises(KeyLost, match="can't be opened on this machine: seal it again"):
        files.load()
    with pytest.raises(KeyLost):
        KeyHolder(files).for_writing(sealed_before=False)
    assert [each.name for each in tmp_path.iterdir()] == ["wtpd.key.failed"], "no new key hides the old one"


def test_a_key_from_systemd_is_never_made_or_changed_by_us(tmp_path: Path) -> None:
    (tmp_path / "wtpd.key").write_bytes(BITS)
    files = KeyFiles(tmp_path / "wtpd.key", writable=False)
    with pytest.raises(Refused, match=r"wtpd\.key\.new"):
        files.begin_change()
    with pytest.raises(KeyLost):
        files.create()
    assert [each.name for each in tmp_path.iterdir()] == ["wtpd.key"]


def test_what_a_kill_left_half_made_is_removed(tmp_path: Path) -> None:
    files = KeyFiles(tmp_path / "wtpd.key")
    files.create()
    files.begin_change()
    for left in (".wtpd.key.0a1b2c3d", ".wtpd.key.new.0a1b2c3d"):
        (tmp_path / left).write_text("x")
    (tmp_path / ".wtpd.key.bak").write_text("somebody else's")
    assert files.is_changing()
    files.tidy()
    assert sorted(each.name for each in tmp_path.iterdir()) == [".wtpd.key.bak", "wtpd.key", "wtpd.key.new"]
    assert not KeyFiles(files.path, writable=False).is_changing(), "systemd's keys are changed by hand"


@settings(deadline=None, max_examples=100)
@given(st.text(max_size=200), st.integers(0, 500), st.integers(1, 255))
def test_one_altered_byte_is_noticed(value: str, position: int, change: int) -> None:
    key = Key(BITS)
    sealed = bytearray(key.seal(value, PLACE))
    assert key.open(bytes(sealed), PLACE) == value
    sealed[position % len(sealed)] ^= change
    with pytest.raises(KeyLost):
        key.open(bytes(sealed), PLACE)


@settings(deadline=None, max_examples=100)
@given(st.tuples(st.text(max_size=5), st.text(max_size=5), st.text(max_size=5)))
def test_a_sealed_value_opens_in_its_own_place_only(place: tuple[str, str, str]) -> None:
    key = Key(BITS)
    sealed = key.seal("hunter2", PLACE)
    if place != PLACE:
        with pytest.raises(KeyLost):
            key.open(sealed, place)
    moved = key.seal("x", ("a", "bc", "d"))
    with pytest.raises(KeyLost):
        key.open(moved, ("ab", "c", "d"))


def test_the_key_of_another_box_opens_nothing() -> None:
    with pytest.raises(KeyLost):
        Key(bytes(32)).open(Key(BITS).seal("hunter2", PLACE), PLACE)


def test_equal_values_are_sealed_differently_but_have_one_fingerprint() -> None:
    key = Key(BITS)
    assert key.seal("x", PLACE) != key.seal("x", PLACE)
    assert key.fingerprint({"a": "1", "b": "2"}) == key.fingerprint({"b": "2", "a": "1"})
    assert key.fingerprint({"a": "1"}) != key.fingerprint({"a": "2"}) != Key(bytes(32)).fingerprint({"a": "2"})


def test_neither_keys_nor_values_show_themselves() -> None:
    fields = Fields({"client_secret": "hunter2"})
    shown = f"{fields} {fields!r} {[fields]} {Key(BITS)!r} {KeyFiles(Path('k'))!r}"
    assert "hunter2" not in shown
    assert BITS.hex() not in shown
    assert "Fields(client_secret=***)" in shown
    for each in (fields, Key(BITS)):
        with pytest.raises(TypeError, match="pickled"):
            pickle.dumps(each)
    with pytest.raises(KeyError) as caught:
        fields["password"]
    assert "hunter2" not in str(caught.value)
