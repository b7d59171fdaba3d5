"""What systemd and the daemon tell each other: readiness, status, watchdog, the listening socket (sd_notify(3),
sd_listen_fds(3)). Without systemd all of it does nothing, and the daemon makes its socket itself."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import stat
import struct
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from wtpd.errors import Unavailable
from wtpd.network_words import of_system
from wtpd.texts import N_

log = logging.getLogger(__name__)

FIRST_FD = 3


class Notifier:
    """Sends state changes to the service manager, in the protocol of sd_notify(3). `address`: value of
    `$NOTIFY_SOCKET`; None: there is no service manager."""

    def __init__(self, address: str | None, *, watchdog: float | None = None) -> None:
        self._address = address
        self.watchdog = watchdog
        """Seconds within which `alive` must be told; None: nobody watches."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Notifier:
        micros = environment.get("WATCHDOG_USEC", "")
        mine = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        watchdog = int(micros) / 1e6 if micros.isdigit() and mine and int(micros) > 0 else None
        return cls(environment.get("NOTIFY_SOCKET") or None, watchdog=watchdog)

    def ready(self, status: str) -> None:
        self._send(f"READY=1\nSTATUS={_line(status)}")

    def reloading(self) -> None:
        """Must be followed by `ready`. The monotonic time lets systemd match it to its own request."""
        micros = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._send(f"RELOADING=1\nMONOTONIC_USEC={micros}")

    def status(self, text: str) -> None:
        self._send(f"STATUS={_line(text)}")

    def alive(self) -> None:
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        self._send("STOPPING=1")

    def _send(self, message: str) -> None:
        if self._address is None:
            return
        # A datagram, as sd_notify(3) describes it; a leading @ stands for the null byte of an abstract name.
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as sock:
                sock.sendto(message.encode(errors="replace"), address)
        except OSError as error:
            log.warning("systemd can't be told %r: %s", message.split("=", 1)[0], error)


def _line(text: str) -> str:
    return " ".join(text.split())


def inherited_socket(environment: Mapping[str, str]) -> socket.socket | None:
    """The first listening unix socket that systemd handed over, if there is one."""
    if environment.get("LISTEN_PID") != str(os.getpid()):
        return None
    count = environment.get("LISTEN_FDS", "0")
    for fd in range(FIRST_FD, FIRST_FD + (int(count) if count.isdigit() else 0)):
        if not stat.S_ISSOCK(os.fstat(fd).st_mode):
            continue
        sock = socket.socket(fileno=fd)
        if sock.family == socket.AF_UNIX and sock.type == socket.SOCK_STREAM:
            os.set_inheritable(fd, False)
            sock.setblocking(False)
            return sock
        sock.detach()
    return None


def own_socket(path: Path) -> socket.socket:
    """Listen at `path` with mode 0660; a socket that a dead daemon left there is replaced. Raises `Unavailable` if a
    living one listens there, or the place can't be used."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_dead(path)
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        before = os.umask(0o117)  # from its first moment the socket is nobody else's
        try:
            sock.bind(str(path))
        finally:
            os.umask(before)
    except OSError as error:
        raise Unavailable(N_("The API can't listen at {path}: {reason}", path=path, reason=of_system(error))) from error
    sock.setblocking(False)
    return sock


def _remove_dead(path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except FileNotFoundError:
            return
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
    raise Unavailable(N_("Another wtpd is running already: it answers at {path}.", path=path))


def let_in(path: Path, groups: Iterable[str]) -> None:
    """Let these groups use the socket besides its owner, whoever made it: by an access control list, because a file
    has but one group. Groups that don't exist are left out; where there are no lists, only the first one is let in."""
    import grp

    ids = []
    for name in groups:
        with contextlib.suppress(KeyError):
            ids.append(grp.getgrnam(name).gr_gid)
    try:
        os.setxattr(path, "system.posix_acl_access", _access_list(ids))
    except OSError as error:
        log.warning("%s can't be opened to more than one group: %s", path, error)
        if ids:
            with contextlib.suppress(OSError):
                os.chown(path, -1, ids[0])


def _access_list(groups: Iterable[int]) -> bytes:
    """Mode 0660 that holds for more than one group, as the kernel keeps it (acl(5), linux/posix_acl_xattr.h)."""
    everybody, read_write = 0xFFFFFFFF, 6
    owner, group, named_group, mask, others = 0x01, 0x04, 0x08, 0x10, 0x20
    entries = [(owner, read_write, everybody), (group, 0, everybody)]
    entries += [(named_group, read_write, one) for one in sorted(set(groups))]
    entries += [(mask, read_write, everybody), (others, 0, everybody)]
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
