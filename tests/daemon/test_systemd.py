"""What is said to systemd, over a real datagram socket, and where the API's socket comes from."""

from __future__ import annotations

import grp
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from wtpd.daemon.systemd import Notifier, inherited_socket, let_in, own_socket
from wtpd.errors import Unavailable


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.settimeout(5)
        yield sock


def test_what_systemd_hears(manager: socket.socket) -> None:
    notifier = Notifier.from_environment({"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "30000000"})
    assert notifier.watchdog == 30
    notifier.ready("all\nwell")
    notifier.alive()
    notifier.reloading()
    notifier.status("superservice/rostock: needs a new token")
    notifier.stopping()
    heard = [manager.recv(1000).decode() for _ in range(5)]
    assert heard[:2] == ["READY=1\nSTATUS=all well", "WATCHDOG=1"]
    assert heard[2].startswith("RELOADING=1\nMONOTONIC_USEC=")
    assert heard[3:] == ["STATUS=superservice/rostock: needs a new token", "STOPPING=1"]


def test_an_abstract_socket_is_understood() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(f"\0wtpd-test-{os.getpid()}")
        sock.settimeout(5)
        Notifier(f"@wtpd-test-{os.getpid()}").alive()
        assert sock.recv(100) == b"WATCHDOG=1"


def test_without_systemd_nothing_happens() -> None:
    Notifier.from_environment({}).ready("x")
    assert Notifier.from_environment({}).watchdog is None
    assert Notifier.from_environment({"WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"}).watchdog is None


def test_a_manager_that_is_gone_is_no_error(tmp_path: Path) -> None:
    Notifier(str(tmp_path / "nobody")).alive()


def test_our_own_socket_is_for_owner_and_group_only(tmp_path: Path) -> None:
    with own_socket(tmp_path / "run" / "api.sock") as sock:
        assert stat.S_IMODE(os.stat(sock.getsockname()).st_mode) == 0o660


@contextmanager
def member_of(group: int) -> Iterator[None]:
    """Somebody else, who is in this group only."""
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(group)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


@pytest.mark.skipif(os.getuid() != 0, reason="needs to be other users")
def test_both_groups_are_let_in_and_nobody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "api.sock"
    monkeypatch.chdir(tmp_path)  # its parents are closed to others
    tmp_path.chmod(0o711)

    def let_in_are() -> list[str]:
        found = []
        for name in ("mail", "news", "games"):
            with member_of(grp.getgrnam(name).gr_gid), socket.socket(socket.AF_UNIX) as caller, suppress(OSError):
                caller.connect(path.name)
                found.append(name)
        return found

    with own_socket(path) as sock:
        sock.listen()
        os.chown(path, -1, grp.getgrnam("games").gr_gid)
        assert let_in_are() == ["games"]
        let_in(path, ("mail", "news", "no-such-group"))
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        assert let_in_are() == ["mail", "news"]
        let_in(path, ("mail",))
        assert let_in_are() == ["mail"], "the settings changed"


def test_a_dead_daemons_socket_is_replaced_a_living_ones_is_not(tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    own_socket(path).close()
    with own_socket(path) as sock:
        sock.listen()
        with pytest.raises(Unavailable, match="running already"):
            own_socket(path)


def test_a_place_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="can't listen"):
        own_socket(tmp_path / "file" / "api.sock")


ACTIVATED = """
import os
from wtpd.daemon.systemd import inherited_socket
sock = inherited_socket({"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "2"})
print(sock.getsockname())
"""


def test_socket_activation_takes_the_listening_unix_socket(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening, open(os.devnull) as other:
        listening.bind(str(tmp_path / "s"))
        listening.listen()

        def as_systemd_does() -> None:
            first, second = os.dup(other.fileno()), os.dup(listening.fileno())
            os.dup2(first, 3)
            os.dup2(second, 4)

        run = subprocess.run(
            [sys.executable, "-c", ACTIVATED], preexec_fn=as_systemd_does, close_fds=False, capture_output=True,
            check=True, text=True, timeout=60,
        )  # fmt: skip
    assert run.stdout.strip() == str(tmp_path / "s")


def test_another_process_socket_is_not_taken() -> None:
    assert inherited_socket({"LISTEN_PID": "1", "LISTEN_FDS": "1"}) is None
    assert inherited_socket({}) is None
