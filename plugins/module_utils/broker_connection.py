# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Connections to a broker, as its URL asks for them."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import SplitResult, parse_qs, urlsplit

PORTS = {"redis": 6379, "rediss": 6379, "sentinel": 26379, "amqp": 5672, "amqps": 5671}
TLS_SCHEMES = ("rediss", "amqps")
# Sentinel's URL has no scheme of its own for TLS; kombu goes by these words of it.
TLS_WORDS = "ssl_"


class BrokerError(Exception):
    """The broker does not serve: what is wrong, and the fix."""


class NotReadyError(BrokerError):
    """The broker does not serve yet: it may do so in a moment."""


def public_url(url: str) -> str:
    """Return ``url`` without its login and query, fit for a message, however wrongly it is written."""
    return re.sub("://.*@", "://***@", url, flags=re.DOTALL).partition("?")[0]


@contextmanager
def connected(url: str, timeout: float, ca_file: str = "") -> Iterator[socket.socket]:
    """Connect to the broker at ``url``, with TLS where its scheme asks for it.

    :param url: A URL of one of the schemes of PORTS.
    :param timeout: Seconds that connecting, and each answer, may take.
    :param ca_file: The CA to trust, where the URL names none.
    :raises BrokerError: It cannot be reached as the URL says; NotReadyError when that may pass by itself.
    """
    parts = urlsplit(url)
    if parts.scheme not in PORTS:
        raise BrokerError(f"scheme {parts.scheme!r} is not one of {', '.join(PORTS)}; fix the URL")
    try:
        with _connect(parts, timeout, ca_file) as connection:
            yield connection
    except ssl.SSLCertVerificationError as error:
        raise BrokerError(
            f"its certificate is not trusted ({error.verify_message}); name its CA with ?ssl_ca_certs=/path"
        ) from error
    except ssl.SSLError as error:
        raise BrokerError(
            f"it does not speak TLS as asked ({error.reason}); fix the scheme or port"
        ) from error
    except socket.gaierror as error:
        raise BrokerError(f"host name {parts.hostname} is unknown here ({error.strerror}); fix it") from error
    except TimeoutError as error:
        raise NotReadyError(
            f"no answer within {timeout:g} s; look for a firewall, or a wrong address or scheme"
        ) from error
    except OSError as error:
        raise NotReadyError(
            f"cannot connect ({error.strerror or error}); start the broker, or let it listen there"
        ) from error


def _connect(parts: SplitResult, timeout: float, ca_file: str) -> socket.socket:
    address = (parts.hostname or "localhost", parts.port or PORTS[parts.scheme])
    plain = socket.create_connection(address, timeout)
    if parts.scheme not in TLS_SCHEMES and not (parts.scheme == "sentinel" and TLS_WORDS in parts.query):
        return plain
    try:
        return _tls_context(parse_qs(parts.query), ca_file).wrap_socket(plain, server_hostname=address[0])
    except TimeoutError as error:
        plain.close()
        raise BrokerError(
            f"it does not speak TLS (silent for {timeout:g} s); fix the scheme or port"
        ) from error
    except BaseException:
        plain.close()
        raise


def _tls_context(query: dict[str, list[str]], ca_file: str) -> ssl.SSLContext:
    """Return the context that redis-py would make of the same ``ssl_*`` words of the URL."""
    words = {name: values[-1] for name, values in query.items()}
    context = ssl.create_default_context(cafile=words.get("ssl_ca_certs") or ca_file or None)
    if words.get("ssl_cert_reqs", "required").lower().removeprefix("cert_") == "none":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if "ssl_certfile" in words:
        context.load_cert_chain(words["ssl_certfile"], words.get("ssl_keyfile"))
    return context
