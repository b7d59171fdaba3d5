"""The listener's certificate: one of the house's own, or one that wtpd makes and replaces itself (docs/adr/0083).

wtpd's own is signed by itself, lasts ten years, and is known by its fingerprint: the vendor of the DMS enters or
imports it once. Its successor is made three months before it ends, is shown two months long, and then takes over.
"""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import os
import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from wtpd.config.model import Listener
from wtpd.errors import Unavailable
from wtpd.network_words import of_system
from wtpd.texts import N_, Text

if TYPE_CHECKING:
    from cryptography import x509

LASTS = timedelta(days=3650)
SUCCESSOR = timedelta(days=90)
"""Before its end the next certificate is made and shown, so that callers can be told of it."""
TAKES_OVER = timedelta(days=30)
"""Before the end of a certificate its successor is used."""
EXPIRES = timedelta(days=14)
"""Before its end a certificate of the house's own is a problem."""
CREDENTIAL = "wtpd-listener.key"
"""The key of a certificate of the house's own, as a credential of systemd."""
_CERTIFICATE, _KEY = "listener.pem", "listener.key"
_NEXT = "listener-next"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A certificate with its key, as the listener uses it. `names`: host names and addresses that it is for. `own`:
    wtpd made it. `successor`: the fingerprint of the one that takes over at `changes_at`."""

    certificate: Path
    key: Path
    fingerprint: str
    pem: str
    names: tuple[str, ...]
    ends: datetime
    own: bool
    successor: str | None = None
    changes_at: datetime | None = None


def identity(settings: Listener, folder: Path, credentials: Path | None, now: datetime) -> Identity:
    """The certificate to use now; made where wtpd makes it and it is missing or ends soon. Blocking. `folder`: of the
    data; `credentials`: systemd's. Raises `Unavailable` with what is wrong with the files."""
    if settings.certificate is not None:
        return _of_the_house(Path(settings.certificate), settings.key, credentials)
    current, following = folder / _CERTIFICATE, folder / f"{_NEXT}.pem"
    try:
        if not current.exists() or not (folder / _KEY).exists():
            _make(folder, _CERTIFICATE, _KEY, settings, now)
        ends = _load(current).not_valid_after_utc
        if ends - now <= TAKES_OVER and following.exists():
            with contextlib.suppress(FileNotFoundError):  # a kill came between the two
                (folder / f"{_NEXT}.key").replace(folder / _KEY)
            following.replace(current)
            ends = _load(current).not_valid_after_utc
        if ends - now <= TAKES_OVER or not _belong_together(current, folder / _KEY):
            _make(folder, _CERTIFICATE, _KEY, settings, now)
        elif ends - now <= SUCCESSOR and not following.exists():
            _make(folder, following.name, f"{_NEXT}.key", settings, now)
        successor = _fingerprint(_load(following)) if following.exists() else None
    except OSError as error:
        text = N_("the certificate can't be made in {path}: {reason}", path=folder, reason=of_system(error))
        raise Unavailable(text, kind="certificate") from error
    except ValueError as error:
        raise _unusable(current, error) from error
    return _identity(current, folder / _KEY, own=True, successor=successor)


def renew(settings: Listener, folder: Path, now: datetime) -> None:
    """Replace wtpd's own certificate at once, e.g. because its key may be known to others. Blocking."""
    for name in (f"{_NEXT}.pem", f"{_NEXT}.key"):
        (folder / name).unlink(missing_ok=True)
    _make(folder, _CERTIFICATE, _KEY, settings, now)


def context(used: Identity, client_ca: str | None) -> ssl.SSLContext:
    """TLS 1.2 or newer; callers' certificates are asked for if there is a file to check them by. Blocking. Raises
    `Unavailable`."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    made.set_alpn_protocols(["http/1.1"])
    try:
        made.load_cert_chain(used.certificate, used.key, password=lambda: "")
    except (OSError, ValueError) as error:
        raise _unusable(used.certificate, error) from error
    if client_ca is not None:
        try:
            made.load_verify_locations(client_ca)
        except (OSError, ValueError) as error:
            raise _unusable(Path(client_ca), error) from error
        made.verify_mode = ssl.CERT_REQUIRED
    return made


def own_names(settings: Listener) -> list[str]:
    """Host names and addresses of the box, as far as they are known without asking anybody. Blocking."""
    host = socket.gethostname()
    found = [host, *settings.names]
    if not _unspecified(settings.address):
        found.append(settings.address)
    found += [address for network in (*settings.networks, "192.0.2.1/32") for address in _address_towards(network)]
    return list(dict.fromkeys(one for one in found if one))


def _unspecified(address: str) -> bool:
    return ipaddress.ip_address(address).is_unspecified


def _address_towards(network: str) -> Iterable[str]:
    """The address that the box uses towards a network: connecting a datagram socket sends nothing."""
    first = ipaddress.ip_network(network, strict=False)
    family = socket.AF_INET if first.version == 4 else socket.AF_INET6
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((str(first.network_address + (1 if first.num_addresses > 1 else 0)), 9))
        yield probe.getsockname()[0]


def _of_the_house(certificate: Path, key: str | None, credentials: Path | None) -> Identity:
    if key is not None:
        return _identity(certificate, Path(key), own=False)
    handed = credentials / CREDENTIAL if credentials is not None else None
    if handed is None or not handed.exists():
        text = N_(
            "{certificate} has no key: set listener.key, or hand it over as systemd's credential {name}",
            certificate=certificate, name=CREDENTIAL,
        )  # fmt: skip
        raise Unavailable(text, kind="certificate")
    return _identity(certificate, handed, own=False)


def _identity(certificate: Path, key: Path, *, own: bool, successor: str | None = None) -> Identity:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    try:
        loaded = _load(certificate)
    except (OSError, ValueError) as error:
        raise _unusable(certificate, error) from error
    names: tuple[str, ...] = ()
    with contextlib.suppress(x509.ExtensionNotFound, ValueError):
        found = loaded.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = (*found.get_values_for_type(x509.DNSName), *map(str, found.get_values_for_type(x509.IPAddress)))
    ends = loaded.not_valid_after_utc
    return Identity(
        certificate=certificate,
        key=key,
        fingerprint=_fingerprint(loaded),
        pem=loaded.public_bytes(Encoding.PEM).decode("ascii"),
        names=names,
        ends=ends,
        own=own,
        successor=successor,
        changes_at=ends - TAKES_OVER if successor is not None else None,
    )


def _unusable(path: Path, error: Exception) -> Unavailable:
    text = N_("{path} can't be used: {reason}", path=path, reason=_why_unusable(error))
    return Unavailable(text, kind="certificate")


_OPENSSL = {
    "KEY_VALUES_MISMATCH": N_("the key belongs to another certificate"),
    "BAD_DECRYPT": N_("the key has a password; take it off"),
    "BAD_PASSWORD_READ": N_("the key has a password; take it off"),
    "EE_KEY_TOO_SMALL": N_("its key is too short"),
    "CA_KEY_TOO_SMALL": N_("its key is too short"),
    "CA_MD_TOO_WEAK": N_("its signature is too weak"),
    "NO_CERTIFICATE_OR_CRL_FOUND": N_("it is no certificate in the form PEM"),
}


def _why_unusable(error: Exception) -> Text:
    if isinstance(error, ssl.SSLError):
        return _OPENSSL.get(error.reason or "") or N_("it is no certificate and key in the form PEM")
    return of_system(error) if isinstance(error, OSError) else N_("it is no certificate in the form PEM")


def _load(path: Path) -> x509.Certificate:
    from cryptography import x509

    return x509.load_pem_x509_certificate(path.read_bytes())


def _fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 of the certificate, as browsers and vendors' programs show it."""
    from cryptography.hazmat.primitives.serialization import Encoding

    digest = hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest().upper()
    return ":".join(digest[place : place + 2] for place in range(0, len(digest), 2))


def _belong_together(certificate: Path, key: Path) -> bool:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        return load_pem_private_key(key.read_bytes(), None).public_key() == _load(certificate).public_key()
    except (ValueError, TypeError):
        return False


def _make(folder: Path, certificate: str, key: str, settings: Listener, now: datetime) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    secret = ec.generate_private_key(ec.SECP256R1())
    names = own_names(settings)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=False, crl_sign=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(secret.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + LASTS)
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(secret, hashes.SHA256())
    )
    private = secret.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    _write(folder / key, private, 0o600)
    _write(folder / certificate, made.public_bytes(serialization.Encoding.PEM), 0o644)


def _general_name(name: str) -> x509.GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name.encode("idna").decode("ascii"))


def _write(path: Path, content: bytes, mode: int) -> None:
    """Whole or not at all, and on disk; never readable by others, not even for a moment."""
    part = path.with_name(f"{path.name}.part")
    with contextlib.suppress(FileNotFoundError):
        part.unlink()
    file = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        os.fchmod(file, mode)
        os.write(file, content)
        os.fsync(file)
    finally:
        os.close(file)
    part.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
