"""The exchange's own certificate: what it shows to those who call it over TLS, and whether a new one may replace it.

An admin, or his certificate client, writes `secrets/tls.crt` and `tls.key`. Asterisk reads neither of them: with a pair
that does not belong together it would stop listening. What was found right is written into `secrets/tls.pem`, whole;
that is what it reads. Not here: when this is done (service.renewal).
"""

from __future__ import annotations

import ipaddress
import os
import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from orchestrator.service import wiring
from orchestrator.service.errors import ServiceError
from orchestrator.service.state import State, write_whole

SOON = 14.0
"""Days before its end at which a certificate is a problem: clients of authorities renew a month before."""
ANSWERS_WITHIN = 5.0
"""Seconds that Asterisk may take to show its certificate."""


class Unfit(ServiceError):
    """A pair that Asterisk must not get."""


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """What a certificate says; times are UTC."""

    subject: str
    names: tuple[str, ...]
    """Host names and addresses for which it stands."""
    issuer: str
    since: datetime
    until: datetime
    fingerprint: str
    """SHA-256, in hexadecimal digits."""

    def days(self, now: datetime) -> float:
        """Days until its end; negative when it is over."""
        return (self.until - now).total_seconds() / 86400


def judged(chain: bytes, key: bytes, now: datetime) -> Certificate:
    """The first certificate of `chain` (PEM), if `key` (PEM) belongs to it and it is good `now`; raises Unfit."""
    certificates = _chain(chain)
    private = _key(key)
    fits = [_public(each) == private.public_key() for each in certificates]
    if True in fits[1:]:
        raise Unfit("tls.key belongs to a later certificate of tls.crt", todo="write the exchange's own one first")
    if not fits[0]:
        raise Unfit("tls.key does not belong to tls.crt", todo="put the key there with which it was asked for")
    found = _read(certificates[0])
    if found.until <= now:
        raise Unfit(f"tls.crt has ended on {found.until:%Y-%m-%d}", todo="have it renewed by who issued it")
    _accepted(chain + b"\n" + key)
    if found.since > now:
        raise Unfit(f"tls.crt is good from {found.since:%Y-%m-%d %H:%M} UTC on", todo="look at this machine's clock")
    return found


def _chain(chain: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(chain)
    except ValueError as bad:
        todo = "write the certificate there as PEM, the exchange's own first, then those that vouch for it"
        raise Unfit("tls.crt holds no certificate that can be read", todo=todo) from bad


def _public(certificate: x509.Certificate) -> PublicKeyTypes:
    try:
        return certificate.public_key()
    except (ValueError, UnsupportedAlgorithm) as bad:
        raise Unfit(
            f"a key of tls.crt is of no kind that is known: {bad}", todo="have one issued for RSA or P-256"
        ) from bad


def _key(key: bytes) -> PrivateKeyTypes:
    try:
        return load_pem_private_key(key, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as bad:
        raise Unfit("tls.key holds no key that can be read", todo="write it there as PEM, without a password") from bad


def _accepted(whole: bytes) -> None:
    """Whether OpenSSL, and so Asterisk, takes it: it refuses keys and signatures that are too weak."""
    passing = os.memfd_create("certificate")  # it reads files only
    try:
        os.write(passing, whole)
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(f"/proc/self/fd/{passing}")
    except ssl.SSLError as bad:
        raise Unfit(f"OpenSSL does not take tls.crt: {bad.reason}", todo="have one issued for a stronger key") from bad
    finally:
        os.close(passing)


def _read(certificate: x509.Certificate) -> Certificate:
    names: tuple[str, ...] = ()
    with suppress(x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        listed = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = tuple(str(each.value) for each in listed if isinstance(each, x509.DNSName | x509.IPAddress))
    return Certificate(
        subject=certificate.subject.rfc4514_string(),
        names=names,
        issuer=certificate.issuer.rfc4514_string(),
        since=certificate.not_valid_before_utc,
        until=certificate.not_valid_after_utc,
        fingerprint=sha256(certificate.public_bytes(Encoding.DER)).hexdigest(),
    )


def in_force(state: State) -> Certificate | None:
    """What was taken over last; None if nothing was, it cannot be read, or the admin has taken his files away."""
    if not any(path.exists() for path in wiring.pair(state)):
        return None
    with suppress(OSError, ServiceError):
        return _read(_chain(wiring.shown(state).read_bytes())[0])
    return None


def written(state: State) -> tuple[bytes, bytes] | None:
    """What the admin has put there: chain and key. Raises ServiceError where one of them is missing or unreadable."""
    pair = wiring.certificate(state)
    try:
        return (pair[0].read_bytes(), pair[1].read_bytes()) if pair else None
    except OSError as bad:
        raise Unfit(f"{bad.filename} cannot be read: {bad.strerror}", todo="give it to the exchange's user") from bad


def waits(state: State) -> bool:
    """Whether the admin has put something there that is not in force. Raises ServiceError as `written` does."""
    pair = written(state)
    if pair is None:
        return False
    try:
        return wiring.shown(state).read_text() != _whole(*pair)
    except (OSError, ValueError):
        return True


def take_over(state: State) -> Certificate | None:
    """Judge what the admin has put there and have it be what Asterisk reads; None if there is nothing.

    Raises ServiceError for a pair that is none, and leaves what was in force.
    """
    if (pair := written(state)) is None:
        return None
    found = judged(*pair, datetime.now(UTC))
    write_whole(wiring.shown(state), _whole(*pair))
    return found


def ready(state: State) -> tuple[str, ...]:
    """Before Asterisk needs it: take over what the admin has put there; what to tell him if it goes on without.

    A certificate that is no good is no reason to take no calls, or no change of where they go.
    """
    try:
        if waits(state):
            take_over(state)
    except (OSError, ServiceError) as bad:
        todo = f"; {bad.todo}" if isinstance(bad, ServiceError) else ""
        if in_force(state) is None:
            return (f"no TLS: {bad}{todo}",)
        return (f"the new certificate is not taken over, the one before goes on: {bad}{todo}",)
    return ()


def _whole(chain: bytes, key: bytes) -> str:
    return f"{chain.decode('ascii', 'replace').strip()}\n{key.decode('ascii', 'replace').strip()}\n"


def seen(state: State) -> str:
    """The fingerprint of what Asterisk shows over TLS; empty where it does not listen. Waits for the network."""
    settings = state.settings()
    address = ipaddress.ip_address(settings.bind)
    host = str(address) if not address.is_unspecified else "127.0.0.1" if address.version == 4 else "::1"
    asking = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    asking.check_hostname, asking.verify_mode = False, ssl.CERT_NONE
    try:
        line = socket.create_connection((host, settings.tls_port), ANSWERS_WITHIN)
        with line, asking.wrap_socket(line) as wire:
            return sha256(wire.getpeercert(binary_form=True) or b"").hexdigest()
    except OSError:
        return ""


def used(state: State) -> bool:
    """Whether the tree that runs has Asterisk show it."""
    with suppress(OSError):
        return str(wiring.shown(state)) in (state.current / "asterisk" / "pjsip.conf").read_text()
    return False


def problems(state: State, now: datetime) -> Iterator[str]:
    """What an admin has to look at, but for what Asterisk shows."""
    try:
        if waits(state):
            judged(*(written(state) or (b"", b"")), now)
            yield "a new certificate waits: control takes it over, or `durchwahl certificate --take-over`"
    except ServiceError as bad:
        yield f"the certificate in secrets is not taken over: {bad}; {bad.todo}"
    found = in_force(state)
    if found and (days := found.days(now)) < SOON:
        when = "ended" if days < 0 else "ends"
        yield f"the certificate {when} on {found.until:%Y-%m-%d}: have it renewed (secrets/tls.crt and tls.key)"
    if found and not used(state):
        yield "the tree that runs does not show the certificate: run `durchwahl apply`"
