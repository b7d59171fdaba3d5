"""The box's own certificate: what is in it, how its successor takes over, and what a kill in the middle leaves."""

from __future__ import annotations

import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.certificates import self_signed
from wtpd.config.model import Listener
from wtpd.daemon.listener import certificate
from wtpd.daemon.listener.callers import Networks, host_of, is_ours, neighbourhood, plain
from wtpd.daemon.listener.service import check_address
from wtpd.errors import Unavailable

NOW = datetime(2026, 12, 1, 8, 0, tzinfo=UTC)
SETTINGS = Listener(enabled=True, address="192.168.10.2", names=["wtpd.autohaus.example", "münchen.example"])


def at(folder: Path, days: float = 0, settings: Listener = SETTINGS) -> certificate.Identity:
    return certificate.identity(settings, folder, None, NOW + timedelta(days=days))


def test_what_is_in_it(tmp_path: Path) -> None:
    made = at(tmp_path)
    loaded = x509.load_pem_x509_certificate((tmp_path / "listener.pem").read_bytes())
    key = loaded.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert key.curve.name == "secp256r1"
    assert {"192.168.10.2", "wtpd.autohaus.example", "xn--mnchen-3ya.example"} <= set(made.names)
    assert loaded.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    assert timedelta(days=3649) < made.ends - NOW < timedelta(days=3651)
    assert stat.S_IMODE((tmp_path / "listener.key").stat().st_mode) == 0o600
    assert made.own
    assert made.successor is None
    assert certificate.context(made, None).minimum_version is ssl.TLSVersion.TLSv1_2


def test_an_address_that_is_gone_is_noticed_though_the_socket_says_nothing() -> None:
    check_address("127.0.0.1")
    check_address("::")
    with pytest.raises(Unavailable, match=r"192\.0\.2\.7"):
        check_address("192.0.2.7")


def test_it_stays_until_its_successor_was_shown_for_two_months(tmp_path: Path) -> None:
    first = at(tmp_path)
    assert at(tmp_path, 3000).fingerprint == first.fingerprint
    shown = at(tmp_path, 3650 - 80)
    assert shown.fingerprint == first.fingerprint
    assert shown.successor not in (None, first.fingerprint)
    assert shown.changes_at == first.ends - timedelta(days=30)
    assert at(tmp_path, 3650 - 31).fingerprint == first.fingerprint
    taken = at(tmp_path, 3650 - 29)
    assert (taken.fingerprint, taken.successor) == (shown.successor, None)
    assert at(tmp_path, 3650 - 29 + 3000).fingerprint == taken.fingerprint
    assert sorted(path.name for path in tmp_path.iterdir()) == ["listener.key", "listener.pem"]
    certificate.context(taken, None)


def test_one_that_ended_while_the_box_was_off_is_replaced(tmp_path: Path) -> None:
    first = at(tmp_path)
    assert at(tmp_path, 4000).fingerprint != first.fingerprint


def test_a_kill_between_key_and_certificate_is_mended(tmp_path: Path) -> None:
    at(tmp_path)
    shown = at(tmp_path, 3650 - 80)
    (tmp_path / "listener-next.key").replace(tmp_path / "listener.key")
    taken = at(tmp_path, 3650 - 20)
    assert taken.fingerprint == shown.successor
    certificate.context(taken, None)


def test_a_key_of_another_certificate_is_replaced_with_it(tmp_path: Path) -> None:
    first = at(tmp_path)
    (tmp_path / "other").mkdir()
    at(tmp_path / "other")
    (tmp_path / "other/listener.key").replace(tmp_path / "listener.key")
    again = at(tmp_path)
    assert again.fingerprint != first.fingerprint
    certificate.context(again, None)


def test_a_damaged_file_is_said(tmp_path: Path) -> None:
    at(tmp_path)
    (tmp_path / "listener.pem").write_text("garbage")
    with pytest.raises(Unavailable, match=r"listener\.pem"):
        at(tmp_path)


def test_the_key_of_the_houses_own_may_come_from_systemd(tmp_path: Path) -> None:
    _, file = self_signed(tmp_path)
    own = Listener(enabled=True, certificate=str(file))
    with pytest.raises(Unavailable, match=r"wtpd-listener\.key"):
        at(tmp_path, settings=own)
    handed = tmp_path / "handed"
    handed.mkdir()
    (tmp_path / file.name.replace("certificate", "key")).rename(handed / certificate.CREDENTIAL)
    used = certificate.identity(own, tmp_path, handed, NOW)
    assert not used.own
    assert isinstance(certificate.context(used, None), ssl.SSLContext)


@pytest.mark.parametrize(
    ("header", "host"),
    [("box", "box"), ("BOX.example:8443", "box.example"), ("[fe80::1]:1", "fe80::1"), ("[::1]", "::1"), ("[::1", ""),
     ("box:", ""), ("box:x", ""), ("", ""), ("box.example.", "box.example"), ("192.168.1.2:80", "192.168.1.2"),
     ("box:123456", "")],
)  # fmt: skip
def test_the_name_in_a_host_header(header: str, host: str) -> None:
    assert host_of(header) == host


def test_what_is_ours() -> None:
    names = ("box", "*.autohaus.example", "192.168.1.2")
    assert is_ours("box", names, "10.0.0.1")
    assert is_ours("wtpd.autohaus.example", names, "10.0.0.1")
    assert is_ours("10.0.0.1", names, "10.0.0.1")
    assert not is_ours("autohaus.example", names, "10.0.0.1")
    assert not is_ours("192.168.1.2", names, "10.0.0.1"), "an address counts where the connection came in"
    assert not is_ours("", names, "10.0.0.1")


def test_addresses_are_one_however_they_come() -> None:
    assert plain("::ffff:192.168.1.2") == "192.168.1.2"
    assert plain("fe80::1%eth0") == "fe80::1"
    assert neighbourhood("2001:db8:1:2:3:4:5:6") == neighbourhood("2001:db8:1:2::9")
    assert neighbourhood("192.168.1.2") != neighbourhood("192.168.1.3")
    assert "192.168.1.2" in Networks(["192.168.1.0/24"])
    assert "192.168.2.2" not in Networks(["192.168.1.0/24", "::/0"])
