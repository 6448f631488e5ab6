"""Deliver to a user-supplied URL without SSRF: resolve once, check the address, connect to the checked address.

1. Every address of the name must be public, or in a network that the operator allows; loopback, link-local and similar
   are private. Otherwise a webhook could reach the internal network.
2. The connection goes to the checked address, so a second DNS answer (rebinding) has no effect. TLS and the Host header
   still use the name.
3. Redirects are not followed, proxies are not used, and the response body is not read.
4. The signature follows standardwebhooks.com; the libraries of that page verify it.
"""

import base64
import contextlib
import hashlib
import hmac
import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from models.core.timing import Timing
from services.core.errors import ValidationFailed
from services.outbound.config import IpNetwork

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
MAX_WEBHOOK_URL_LENGTH = 2000
EMBEDDING_NETWORKS = tuple(
    ipaddress.IPv6Network(text)
    for text in (
        "64:ff9b::/96",  # NAT64, RFC 6052
        "::ffff:0:0:0/96",  # SIIT, RFC 2765: translated addresses
        "::/96",  # IPv4-compatible, RFC 4291: deprecated, still routed by some
    )
)
"""Networks whose last 32 bits are an IPv4 address that a translator on the way may connect to."""
RESERVED_NETWORKS = tuple(
    ipaddress.ip_network(text)
    for text in (
        *("0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15"),
        *("198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4"),
        *("64:ff9b:1::/48", "100::/64", "100:0:0:1::/64", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16"),
        *("fec0::/10", "::ffff:0:0:0/96", "::/96"),
    )
)
"""Networks that the IETF reserved for other uses than hosts of the internet (IANA's special-purpose registries), as
`is_global` says only since some patch releases of Python. Local NAT64 leads to IPv4 addresses at a place that is not
known here."""
WEBHOOK_SECRET_PREFIX = "whsec_"


class DeliveryError(Exception):
    """The delivery failed; the message says why, for the log."""


def check_webhook_url(url: str, networks: Sequence[IpNetwork]) -> str:
    """Return a valid webhook URL, or raise ValidationFailed. What its name resolves to is checked on each delivery."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValidationFailed("url", f'"{url[:80]}" is no address') from None
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or len(url) > MAX_WEBHOOK_URL_LENGTH
        or not url.isascii()
    ):
        raise ValidationFailed("url", f'"{url[:80]}" is not an address: write https://HOST/PATH')
    if parts.username is not None or parts.password is not None:
        raise ValidationFailed("url", "holds a user or password; send it in headers")
    if parts.fragment or not url.isprintable() or " " in url or port == 0:
        raise ValidationFailed("url", f'"{url[:80]}" holds what no address of a webhook has')
    try:
        literal = ipaddress.ip_address(parts.hostname)
    except ValueError:
        return url
    if not is_allowed_address(literal, networks):
        raise ValidationFailed(
            "url", f"{literal} is a private address; the operator allows such in TAPELESS_WEBHOOK_NETWORKS"
        )
    return url


def is_allowed_address(address: IpAddress, networks: Sequence[IpNetwork]) -> bool:
    """Return whether deliveries may go to this address; IPv4 addresses embedded in IPv6 are checked as IPv4."""
    inner = _embedded_address(address)
    if any(inner.version == network.version and inner in network for network in networks):
        return True
    is_reserved = any(inner.version == network.version and inner in network for network in RESERVED_NETWORKS)
    return inner.is_global and not inner.is_multicast and not is_reserved


def _embedded_address(address: IpAddress) -> IpAddress:
    if isinstance(address, ipaddress.IPv4Address):
        return address
    is_own = address.is_loopback or address.is_unspecified
    if not is_own and any(address in network for network in EMBEDDING_NETWORKS):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1] or address


def resolve_host(host: str, port: int, networks: Sequence[IpNetwork]) -> str:
    """Return one address of a host; DeliveryError if it has none, or any that is not allowed."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise DeliveryError(f"{host} has no address ({error})") from None
    addresses = [str(each[4][0]) for each in found]
    for address in addresses:
        if not is_allowed_address(ipaddress.ip_address(address.partition("%")[0]), networks):
            raise DeliveryError(
                f"{host} is {address}, a private address; the operator allows such in TAPELESS_WEBHOOK_NETWORKS"
            )
    return addresses[0]


def sign_webhook(secret: bytes, message_id: str, moment: int, body: bytes) -> str:
    """Return the value of the `webhook-signature` header."""
    signed = b".".join((message_id.encode(), str(moment).encode(), body))
    return "v1," + base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()


def encode_webhook_secret(secret: bytes) -> str:
    """Encode a secret in the form that its receiver configures."""
    return WEBHOOK_SECRET_PREFIX + base64.b64encode(secret).decode()


class _PinnedConnection(http.client.HTTPConnection):
    """HTTP connection to a fixed address, regardless of what the host name resolves to."""

    address = ""

    def connect(self) -> None:
        self.sock = socket.create_connection((self.address, self.port), self.timeout)


class _PinnedTlsConnection(_PinnedConnection):
    """The same over TLS, with the certificate checked against the host name."""

    default_port = http.client.HTTPS_PORT

    def connect(self) -> None:
        super().connect()
        trusted = ssl.create_default_context()
        self.sock = trusted.wrap_socket(self.sock, server_hostname=self.host, do_handshake_on_connect=False)
        self.sock.do_handshake()


def post_delivery(
    url: str, headers: Mapping[str, str], body: bytes, networks: Sequence[IpNetwork], timing: Timing
) -> int:
    """POST a body and return the response status.

    Raises:
        DeliveryError: no response came in time.
    """
    parts = urlsplit(url)
    kind = _PinnedTlsConnection if parts.scheme == "https" else _PinnedConnection
    host = str(parts.hostname)
    port = parts.port or kind.default_port  # without one, it would be looked for in the colons of an IPv6 address
    try:
        connection = kind(host, port, timeout=timing.webhook_idle_seconds)
    except http.client.InvalidURL as error:
        raise DeliveryError(f"{host}: {error}") from None
    connection.address = resolve_host(host, port, networks)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    total = timing.webhook_total_seconds
    # The socket timeout restarts with each byte; the timer bounds the whole exchange against slow responses.
    late = threading.Event()
    guard = threading.Timer(total, _abort_connection, [connection, late])
    guard.start()
    try:
        connection.request("POST", path, body, dict(headers))
        return connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        reason = f"no answer within {total:g} s" if late.is_set() else f"{type(error).__name__}: {error}"
        raise DeliveryError(f"{host}: {reason}") from None
    finally:
        guard.cancel()
        connection.close()


def _abort_connection(connection: http.client.HTTPConnection, late: threading.Event) -> None:
    """Shut the socket down, which unblocks the reading thread."""
    late.set()
    if connection.sock is not None:
        with contextlib.suppress(OSError):
            connection.sock.shutdown(socket.SHUT_RDWR)
