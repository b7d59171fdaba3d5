"""The file on disk: written whole or not at all, never over somebody else's work, with its history."""

from __future__ import annotations

import errno
import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.partners import MANIFESTS
from wtpd.config import file
from wtpd.config.errors import ConfigErrors
from wtpd.config.file import ConfigFile
from wtpd.config.history import History
from wtpd.errors import NotFound, Unavailable, VersionMismatch

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
TEXT = "language: de   # ours\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "wtpd.yaml"
    path.write_text(TEXT)
    path.chmod(0o664)
    return path


def test_mode_and_owner_stay_and_nothing_is_left_behind(path: Path) -> None:
    if os.geteuid() == 0:
        os.chown(path, 1234, 2345)
    before = path.stat()
    written = file.write(path, "language: nl\n", expected=file.read(path).etag)
    after = path.stat()
    assert (stat.S_IMODE(after.st_mode), after.st_uid, after.st_gid) == (0o664, before.st_uid, before.st_gid)
    assert file.read(path) == written
    assert [each.name for each in path.parent.iterdir()] == ["wtpd.yaml"]


def test_a_symbolic_link_stays_one(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "etc" / "wtpd.yaml"
    link.parent.mkdir()
    link.symlink_to("../wtpd.yaml")
    file.write(link, "language: en\n", expected=None)
    assert link.is_symlink()
    assert path.read_text() == "language: en\n"


def test_somebody_elses_change_is_not_overwritten_and_both_are_shown(path: Path) -> None:
    seen = file.read(path)
    path.write_text("language: en   # by hand\n")
    with pytest.raises(VersionMismatch) as caught:
        file.write(path, "language: nl\n", expected=seen.etag)
    assert path.read_text() == "language: en   # by hand\n"
    assert caught.value.facts["current"] == "language: en   # by hand\n"
    assert caught.value.facts["etag"] == file.read(path).etag
    assert "-language: en   # by hand\n+language: nl\n" in str(caught.value.facts["diff"])


def test_a_full_disk_leaves_the_file_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Unavailable, match=r"the disk is full\. The file is as it was"):
        file.write(path, "language: nl\n", expected=None)
    assert path.read_text() == TEXT
    assert [each.name for each in path.parent.iterdir()] == ["wtpd.yaml"]


def test_a_missing_file_and_a_folder_say_so(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is no file"):
        file.read(tmp_path / "wtpd.yaml")
    with pytest.raises(Unavailable, match="is a folder; name the file in it"):
        file.read(tmp_path)


def test_line_ends_and_mark_survive_reading_and_writing(path: Path) -> None:
    path.write_bytes(b"\xef\xbb\xbflanguage: de\r\n")
    seen = file.read(path)
    file.write(path, seen.text, expected=seen.etag)
    assert path.read_bytes() == b"\xef\xbb\xbflanguage: de\r\n"


def config_file(path: Path) -> ConfigFile:
    return ConfigFile(path, History(path.parent / "config-history"), manifests=MANIFESTS)


def test_a_change_is_previewed_then_saved(path: Path) -> None:
    config = config_file(path)
    edited = config.preview([("language", "nl")])
    assert "-language: de   # ours\n+language: nl   # ours\n" in edited.diff
    assert path.read_text() == TEXT
    assert config.save(edited.text, expected=edited.etag).config.language == "nl"
    assert path.read_text() == "language: nl   # ours\n"


def test_a_preview_of_an_old_reading_is_refused(path: Path) -> None:
    config = config_file(path)
    seen = config.read().etag
    path.write_text("language: en\n")
    with pytest.raises(VersionMismatch):
        config.preview([("box.name", "b")], expected=seen)


def test_what_does_not_pass_is_not_written(path: Path) -> None:
    with pytest.raises(ConfigErrors):
        config_file(path).save("connectors: {nobody: {}}\n", expected=None)
    assert path.read_text() == TEXT


def test_history_keeps_the_last_fifty_with_time_and_author(path: Path) -> None:
    history = History(path.parent / "config-history")
    for number in range(60):
        history.record(f"box: {{name: b{number}}}\n", author=f"user{number}", at=NOW + timedelta(minutes=number))
    versions = history.versions()
    assert len(versions) == 50
    assert (versions[0].number, versions[0].author, versions[0].at) == (60, "user59", "2026-11-23T08:59:00Z")
    assert history.text(11) == "box: {name: b10}\n"
    with pytest.raises(NotFound, match="no version 10"):
        history.text(10)


def test_the_same_text_again_is_no_new_version(path: Path) -> None:
    history = History(path.parent / "config-history")
    first = history.record(TEXT, author="anna", at=NOW)
    assert history.record(TEXT, author="by hand", at=NOW + timedelta(days=1)) == first


def test_a_damaged_version_hides_no_other(path: Path) -> None:
    history = History(path.parent / "config-history")
    history.record("a", author="x", at=NOW)
    history.record("b", author="x", at=NOW)
    (path.parent / "config-history" / "000001.json").write_text("{")
    assert [version.number for version in history.versions()] == [2]
    assert history.record("c", author="x", at=NOW).number == 3


def test_rollback_brings_back_every_byte(path: Path) -> None:
    config = config_file(path)
    config.history.record(TEXT, author="anna", at=NOW)
    file.write(path, "language: en\n", expected=None)
    assert config.diff(1) == "--- version 1\n+++ now\n@@ -1 +1 @@\n-language: de   # ours\n+language: en\n"
    assert config.rollback(1).config.language == "de"
    assert path.read_text() == TEXT


def test_an_old_version_that_no_longer_passes_is_not_brought_back(path: Path) -> None:
    config = config_file(path)
    config.history.record("connectors: {nobody: {}}\n", author="anna", at=NOW)
    with pytest.raises(ConfigErrors):
        config.rollback(1)
    assert path.read_text() == TEXT
