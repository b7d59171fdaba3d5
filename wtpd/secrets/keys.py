"""The key of the credential store: from systemd or from a file of mode 0600; two of them while it is being changed.

`wtpd.key` is the key; `wtpd.key.new` beside it, if there is one, is the key it is being changed to. What is sealed is
sealed with the newest; both open. So a change of keys can be killed at any step and goes on where it was.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import os
import re
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from wtpd.errors import Refused, Unavailable
from wtpd.network_words import of_system
from wtpd.texts import N_, Text

NAME = "wtpd.key"
SEALED = Path("/etc/credstore.encrypted") / NAME
"""Where the key is kept under systemd, sealed; wtpd-key.service opens it."""
FAILED = f"{NAME}.failed"
"""What systemd hands over in place of a key that couldn't be opened."""
LENGTH = 32
_NONCE = 12
_VERSION = b"\x01"


class KeyLost(Unavailable):
    """The key is missing, damaged, or not the one the store was sealed with."""

    kind = "key-lost"


class Key:
    """256 bits, with what is done with them. They appear in no text."""

    __slots__ = ("_bits", "id")

    def __init__(self, bits: bytes) -> None:
        if len(bits) != LENGTH:
            raise ValueError("a key has 32 bytes")
        self._bits = bits
        self.id = hmac.new(bits, b"wtpd key id", hashlib.sha256).hexdigest()[:16]

    def __repr__(self) -> str:
        return f"Key({self.id})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("keys aren't pickled")

    def seal(self, value: str, bound_to: tuple[str, ...]) -> bytes:
        """AES-256-GCM; opens only with the same key and the same `bound_to`."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = secrets.token_bytes(_NONCE)
        return _VERSION + nonce + AESGCM(self._bits).encrypt(nonce, value.encode("utf-8"), _bound(bound_to))

    def open(self, sealed: bytes, bound_to: tuple[str, ...]) -> str:
        """Raises `KeyLost` if the value was altered, moved to another place, or sealed with another key."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        start = len(_VERSION)
        try:
            if not sealed.startswith(_VERSION) or len(sealed) < start + _NONCE + 16:
                raise InvalidTag
            nonce = sealed[start : start + _NONCE]
            return AESGCM(self._bits).decrypt(nonce, sealed[start + _NONCE :], _bound(bound_to)).decode("utf-8")
        except InvalidTag:
            raise KeyLost(
                N_("a stored credential ({place}) is damaged or was moved; enter it again", place="/".join(bound_to))
            ) from None

    def fingerprint(self, values: Mapping[str, str]) -> str:
        """Short, and useless without the key: two entries with the same values have the same one."""
        mac = hmac.new(self._bits, b"wtpd fingerprint", hashlib.sha256)
        for name, value in sorted(values.items()):
            mac.update(_bound((name, value)))
        digest = mac.hexdigest()
        return f"{digest[:4]}-{digest[4:8]}"


def _bound(parts: tuple[str, ...]) -> bytes:
    """Unambiguous: each part with its length before it."""
    encoded = [part.encode("utf-8") for part in parts]
    return b"".join(len(part).to_bytes(4, "big") + part for part in encoded)


@dataclass(frozen=True, slots=True)
class Ring:
    """The keys at hand; `active` seals, all open."""

    active: Key
    keys: Mapping[str, Key]


@dataclass(frozen=True, slots=True)
class KeyFiles:
    """Where the key is. `writable`: wtpd may make and change it; not so if systemd hands it over. `unsealed` False:
    systemd couldn't open it. `shown`: the place that people are told of."""

    path: Path
    writable: bool = True
    unsealed: bool = True
    shown: Path | None = None

    @property
    def next_path(self) -> Path:
        return self.path.with_name(self.path.name + ".new")

    def load(self) -> Ring | None:
        """None if there is no key. Raises `KeyLost` for a damaged one, one that others may read, and one that can't be
        opened on this machine."""
        if not self.unsealed:
            raise KeyLost(_sealed_elsewhere(self.path))
        current, following = self._read(self.path), self._read(self.next_path)
        active = following or current
        if active is None:
            return None
        return Ring(active, {key.id: key for key in (current, following) if key is not None})

    def create(self) -> None:
        """Make the first key; never replaces one."""
        if not self.writable:
            raise KeyLost(N_("systemd hands over no credential {name}; see wtpd(1), credentials", name=NAME))
        _write_new(self.path)

    def is_changing(self) -> bool:
        """A change was begun and stopped, and can go on without anybody."""
        return self.writable and self.next_path.exists()

    def tidy(self) -> None:
        """Remove what a kill left half made; nobody else may be making a key now."""
        left = re.compile(rf"\.{re.escape(self.path.name)}(\.new)?\.[0-9a-f]{{8}}")
        for file in self.path.parent.glob(f".{self.path.name}*") if self.writable else ():
            if left.fullmatch(file.name):
                file.unlink(missing_ok=True)

    def begin_change(self) -> None:
        """Make the next key, unless it is there already. Raises `Refused` where systemd must hand it over."""
        if self.next_path.exists():
            return
        if not self.writable:
            raise Refused(
                N_(
                    "the key comes from systemd: put the new one, sealed, beside the old one as {path} first, "
                    "restart the service, and repeat this",
                    path=SEALED.with_name(self.next_path.name),
                )
            )
        _write_new(self.next_path)

    def finish_change(self) -> bool:
        """Put the next key in the place of the old one. False where systemd must be told to."""
        if not self.next_path.exists():
            return True
        if not self.writable:
            return False
        self.next_path.rename(self.path)
        _sync_folder(self.path.parent)
        return True

    def _read(self, path: Path) -> Key | None:
        try:
            status = path.stat()
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise KeyLost(N_("the key {path} can't be read: {problem}", path=path, problem=of_system(error))) from None
        if self.writable and stat.S_IMODE(status.st_mode) & 0o077:
            raise KeyLost(N_("others may read the key {path}: chmod 600 {path}", path=path))
        bits = _decode(data)
        if bits is None:
            raise KeyLost(N_("the key {path} is damaged: restore it from where you keep its copy", path=path))
        return Key(bits)


class KeyHolder:
    """The keys read from their files, kept in memory, and read again when one is missed: somebody may have mended
    them."""

    def __init__(self, files: KeyFiles) -> None:
        self._files = files
        self._ring: Ring | None = None

    def load(self, *, afresh: bool = False) -> Ring | None:
        """As `KeyFiles.load`."""
        ring = self._ring  # other threads read it, too
        if ring is None or afresh:
            self._ring = ring = self._files.load()
        return ring

    def key(self, key_id: str) -> Key:
        """Raises `KeyLost`."""
        for afresh in (False, True):
            ring = self.load(afresh=afresh)
            if ring is not None and key_id in ring.keys:
                return ring.keys[key_id]
        raise KeyLost(self.lost())

    def for_writing(self, *, sealed_before: bool) -> Key:
        """The newest key; the first one is made if nothing is sealed yet. Raises `KeyLost`."""
        ring = self.load(afresh=True)
        if ring is None and not sealed_before:  # else a new key would hide that the old one is missing
            self._files.create()
            ring = self.load(afresh=True)
        if ring is None:
            raise KeyLost(self.lost())
        return ring.active

    def lost(self) -> Text:
        """What happened, and the way out."""
        return N_(
            "the key of the credential store ({path}) is missing or isn't the one the credentials were stored with: "
            "bring it back from its copy, or give them up with `wtpd credential start-over` and enter them again",
            path=self._files.shown or self._files.path,
        )


def _sealed_elsewhere(path: Path) -> Text:
    return N_(
        "the sealed key {path} can't be opened on this machine: seal it again from its copy and restart wtpd; "
        "if there is no copy, remove the file, restart wtpd, and run `wtpd credential start-over`",
        path=path,
    )


def find(environ: Mapping[str, str], data_dir: Path, key_file: Path | None = None) -> KeyFiles:
    """`key_file` (WTPD_KEY_FILE) if given, else what systemd hands over, else `wtpd.key` in the data folder."""
    if key_file is not None:
        return KeyFiles(key_file)
    handed_over = environ.get("CREDENTIALS_DIRECTORY")
    if handed_over and (Path(handed_over) / NAME).exists():
        return KeyFiles(Path(handed_over) / NAME, writable=False, shown=SEALED)
    if handed_over and (Path(handed_over) / FAILED).exists():
        return KeyFiles(SEALED, writable=False, unsealed=False)
    own = data_dir / NAME
    by_systemd = "INVOCATION_ID" in environ and not own.exists()
    return KeyFiles(own, shown=SEALED if by_systemd else None)


def _decode(data: bytes) -> bytes | None:
    """32 bytes as they are, or written in hex or base64, as `openssl rand` writes them."""
    if len(data) == LENGTH:
        return data
    text = data.strip()
    if re.fullmatch(rb"[0-9a-fA-F]{64}", text):
        return bytes.fromhex(text.decode("ascii"))
    with contextlib.suppress(ValueError):
        bits = base64.b64decode(text, validate=True)
        return bits if len(bits) == LENGTH else None
    return None


def _write_new(path: Path) -> None:
    """Whole or not at all, readable by its owner only; an existing file stays."""
    path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(LENGTH).hex().encode("ascii") + b"\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(temporary)
    except OSError as error:
        raise Unavailable(N_("the key {path} can't be made: {problem}", path=path, problem=of_system(error))) from error
    finally:
        temporary.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
