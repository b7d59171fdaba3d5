"""`wtpd.yaml` on disk: read, and written whole or not at all. Blocking: call it on a thread."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import logging
import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from wtpd.config import syntax
from wtpd.config.edit import Change, edit, unified
from wtpd.config.history import History
from wtpd.config.kinds import NOTHING, Kinds
from wtpd.config.load import Loaded, load
from wtpd.config.mask import masked
from wtpd.config.rules import CredentialProvider, PartnerManifest
from wtpd.errors import Invalid, NotFound, Unavailable, VersionMismatch, WtpdError
from wtpd.network_words import of_system
from wtpd.texts import N_, Text

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FileText:
    """What stood in the file at one moment; `etag` changes with every byte."""

    text: str
    etag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """What a change would make of the file: nothing is written yet."""

    text: str
    diff: str
    loaded: Loaded
    etag: str
    """Of the file the change was made from."""


def read(path: Path) -> FileText:
    """Raises as `read_bytes`, and `ConfigErrors` if it isn't UTF-8 or too large."""
    data = read_bytes(path)
    mark = "\ufeff" if data.startswith(b"\xef\xbb\xbf") else ""
    return FileText(mark + syntax.decode(data, path.name), etag(data))


def read_bytes(path: Path) -> bytes:
    """At most one byte more than a file of settings may have. Raises `NotFound`, or `Unavailable` for what can't be
    read or is no file (a folder, a pipe, a device: reading one might never end)."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            mode = os.fstat(handle).st_mode
            if not stat.S_ISREG(mode):
                raise Unavailable(_no_file(path, mode))
            return file.read(syntax.MAX_BYTES + 1)
    except FileNotFoundError:
        raise NotFound(N_("there is no file {path}", path=path)) from None
    except IsADirectoryError:
        raise Unavailable(_no_file(path, stat.S_IFDIR)) from None
    except PermissionError:
        raise Unavailable(_no_permission(path)) from None
    except (OSError, ValueError) as error:
        code = errno.errorcode.get(getattr(error, "errno", None) or 0, type(error).__name__)
        raise Unavailable(N_("{path} can't be read ({code}); is the path right?", path=path, code=code)) from error


def _no_file(path: Path, mode: int) -> Text:
    if stat.S_ISDIR(mode):
        return N_("{path} is a folder; name the file in it", path=path)
    return N_("{path} is no file but a pipe or a device; settings are read from a file", path=path)


def _no_permission(path: Path) -> Text:
    return N_("{path} may not be read by this user: chmod and chown it, e.g. chmod 644 {path}", path=path)


def etag(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]


def write(path: Path, text: str, *, expected: str | None) -> FileText:
    """Replace the file atomically; mode and owner stay, a symbolic link stays a link. With `expected` (an etag) it is
    refused if the file changed meanwhile: `VersionMismatch` with the facts `etag`, `current` and `diff` (from what is
    there now to what was to be written). Raises `Unavailable` if the disk says no; then the old file stands."""
    import tempfile  # with the archive formats that it brings along, 4 ms at start

    if expected is not None:
        _refuse_if_changed(path, text, expected)
    target = path.resolve()
    data = text.encode("utf-8")
    temporary: str | None = None
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".new", dir=target.parent)
        with os.fdopen(handle, "wb") as file:
            _same_owner_and_mode(target, file.fileno())
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if expected is not None:
            _refuse_if_changed(path, text, expected)
        Path(temporary).rename(target)
        temporary = None
        _sync_folder(target.parent)
    except OSError as error:
        raise Unavailable(
            N_("{path} can't be written: {problem}. The file is as it was.", path=path, problem=of_system(error))
        ) from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()
    return FileText(text, etag(data))


def shown_diff(old: str, new: str, *, before: str = "wtpd.yaml", after: str = "wtpd.yaml") -> str:
    """The difference as it may be shown to whoever may read."""
    return unified(masked(old), masked(new), before=before, after=after)


def _refuse_if_changed(path: Path, text: str, expected: str) -> None:
    current = read(path)
    if current.etag != expected:
        raise VersionMismatch(
            N_("{path} was changed meanwhile, by hand or by somebody else; look at both and save again", path=path),
            facts={"etag": current.etag, "current": masked(current.text), "diff": shown_diff(current.text, text)},
        )


def _same_owner_and_mode(old: Path, new: int) -> None:
    try:
        status = old.stat()
    except FileNotFoundError:
        os.fchmod(new, 0o640)
        return
    for owner in (status.st_uid, -1):  # who isn't root may keep the group at most
        with contextlib.suppress(PermissionError):
            os.fchown(new, owner, status.st_gid)
            break
    os.fchmod(new, stat.S_IMODE(status.st_mode))


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class ConfigFile:
    """The file together with what its checks need and its history."""

    def __init__(
        self,
        path: Path,
        history: History,
        *,
        manifests: Iterable[PartnerManifest] | None = None,
        providers: Iterable[CredentialProvider] | None = None,
    ) -> None:
        self.path = path
        self.history = history
        self._manifests = None if manifests is None else tuple(manifests)
        self.manifests = self._manifests or ()
        self.kinds = NOTHING if self._manifests is None else Kinds.of(self._manifests)
        self._providers = None if providers is None else tuple(providers)

    def read(self) -> FileText:
        return read(self.path)

    def check(self, text: str) -> Loaded:
        """Raises `ConfigErrors`, or `Invalid` where the check itself fails on this text: that must not end whoever
        watches the file."""
        try:
            return load(text, name=self.path.name, manifests=self._manifests, providers=self._providers)
        except WtpdError:
            raise
        except Exception as error:
            log.exception("The check of %s failed", self.path)
            name = type(error).__name__
            raise Invalid(
                N_("{path} can't be checked ({error}); the log says more", path=self.path, error=name)
            ) from error

    def passes(self, text: str) -> bool:
        try:
            self.check(text)
        except Invalid:
            return False
        return True

    def preview(self, changes: Sequence[Change], *, expected: str | None = None) -> Edited:
        """What the changes would make of the file, with the difference. Raises as `edit`, and `VersionMismatch`."""
        current = self.read()
        text = edit(current.text, changes, name=self.path.name, manifests=self._manifests, providers=self._providers)
        if expected is not None:
            _refuse_if_changed(self.path, text, expected)
        return Edited(text=text, diff=shown_diff(current.text, text), loaded=self.check(text), etag=current.etag)

    def save(self, text: str, *, expected: str | None) -> Loaded:
        """Write a text that passes; whoever applies it records it in the history. Raises `ConfigErrors` and as
        `write`."""
        loaded = self.check(text)
        write(self.path, text, expected=expected)
        return loaded

    def diff(self, version: int) -> str:
        """From that version to what stands in the file now."""
        return shown_diff(self.history.text(version), self.read().text, before=f"version {version}", after="now")

    def meanwhile(self, since: str) -> str:
        """What changed from the text with the etag `since` to what stands in the file now; empty if that text isn't
        known any more."""
        for version in self.history.versions():
            text = self.history.text(version.number)
            if etag(text.encode("utf-8")) == since:
                return shown_diff(text, self.read().text, before=f"version {version.number}", after="now")
        return ""

    def rollback(self, version: int, *, expected: str | None = None) -> Loaded:
        """Write that version again, if it still passes."""
        return self.save(self.history.text(version), expected=expected)
