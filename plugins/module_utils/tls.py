# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A server's certificate: looked at as its clients will, and made by a small CA where there is none.

Looked at by a handshake in memory, so that key, chain, dates and names are judged by what clients use. Made
with the openssl of the host, for Python's library can make none.
"""

from __future__ import annotations

import ipaddress
import re
import secrets
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

DAY = 86_400
CA_DAYS = 3650
_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


class CertificateError(Exception):
    """A certificate that clients would refuse, or that could not be made: what is wrong with it."""


def handshake(pem: str, ca: str, name: str) -> float:
    """Return when a certificate ends, in seconds since the epoch, when a client of ``name`` would take it.

    :param pem: The key, the certificate, and those between it and the CA.
    :param ca: The certificates that the client trusts.
    :raises CertificateError: The client would refuse it, or the key is another's.
    """
    server, client = (ssl.SSLContext(side) for side in (ssl.PROTOCOL_TLS_SERVER, ssl.PROTOCOL_TLS_CLIENT))
    try:
        with tempfile.NamedTemporaryFile("w") as file:  # readable by its owner only
            file.write(pem)
            file.flush()
            server.load_cert_chain(file.name)
        client.load_verify_locations(cadata=ca)
        there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
        near = client.wrap_bio(back, there, server_hostname=name)
        far = server.wrap_bio(there, back, server_side=True)
        waiting = [near, far]
        while waiting:
            for end in tuple(waiting):
                try:
                    end.do_handshake()
                    waiting.remove(end)
                except ssl.SSLWantReadError:
                    pass
        end_of = (near.getpeercert() or {})["notAfter"]
    except ssl.SSLCertVerificationError as error:
        raise CertificateError(f"{name}: {error.verify_message}") from error
    except (ssl.SSLError, ValueError) as error:
        raise CertificateError(str(error)) from error
    return ssl.cert_time_to_seconds(str(end_of))


def check(pem: str, ca: str, names: Iterable[str], days: float = 0) -> None:
    """Raise CertificateError when a client of one of the names would refuse it, now or in ``days``."""
    for name in names:
        if handshake(pem, ca, name) < time.time() + days * DAY:
            raise CertificateError(f"{name}: it ends in less than {days:g} days")


def new_ca(subject: str) -> tuple[str, str]:
    """Return the key and the certificate of a new CA."""
    with tempfile.TemporaryDirectory() as place:
        key, certificate = Path(place) / "key", Path(place) / "certificate"
        _openssl(
            "req", "-x509", *_NEW_KEY, "-keyout", str(key), "-out", str(certificate),
            "-days", str(CA_DAYS), "-subj", f"/CN={subject}",
            "-addext", "basicConstraints=critical,CA:TRUE,pathlen:0",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign",
        )  # fmt: skip
        return key.read_text(), certificate.read_text()


def new_certificate(ca_key: str, ca: str, names: list[str], days: int) -> str:
    """Return a new key and a certificate for the names, signed by the CA and good for so many days."""
    with tempfile.TemporaryDirectory() as place:
        key, request, certificate, signer = (
            Path(place) / name for name in ("key", "request", "certificate", "signer")
        )
        signer.write_text(ca_key + ca)
        extensions = Path(place) / "extensions"
        extensions.write_text(
            f"subjectAltName={','.join(map(_alternative, names))}\n"
            "basicConstraints=critical,CA:FALSE\nextendedKeyUsage=serverAuth\n"
        )
        _openssl("req", "-new", *_NEW_KEY, "-keyout", str(key), "-out", str(request), "-subj", "/CN=broker")
        _openssl(
            "x509", "-req", "-in", str(request), "-CA", str(signer), "-CAkey", str(signer),
            "-set_serial", f"0x{secrets.token_hex(16)}", "-days", str(days), "-extfile", str(extensions),
            "-out", str(certificate),
        )  # fmt: skip
        return key.read_text() + certificate.read_text()


def first_certificate(pem: str) -> bytes:
    """Return the first certificate of a PEM text, as it goes over the wire; empty when there is none."""
    found = re.search(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", pem, re.DOTALL)
    return ssl.PEM_cert_to_DER_cert(f"{found[0]}\n") if found else b""


def _alternative(name: str) -> str:
    try:
        return f"IP:{ipaddress.ip_address(name)}"
    except ValueError:
        return f"DNS:{name}"


def _openssl(*arguments: str) -> None:
    try:
        done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise CertificateError("openssl is not installed on this host") from error
    if done.returncode:
        raise CertificateError(f"openssl {arguments[0]}: {done.stderr.strip()}")
