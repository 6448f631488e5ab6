"""One delivery over HTTP to an address that somebody typed in: resolved once, checked, and connected to as checked.

1. Every address that the name has must be public, or in a network that the operator allows. Loopback, link-local and
   the like are private. Otherwise a webhook would be a way into the network that Tapeless stands in.
2. The connection goes to the address that was checked; a second answer of the name server changes nothing. TLS and the
   Host header still say the name.
3. Redirects are not followed, proxies are not asked, and the body of the answer is not read.
4. The signature is that of standardwebhooks.com, so the libraries of that page verify it.
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
import time
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from models.timing import Timing
from tasks.outside import Network
from tasks.refusals import Invalid

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
LONGEST_URL = 2000
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
PREFIX = "whsec_"


class TargetError(Exception):
    """The delivery did not arrive; the text says why, for the log."""


def check_url(url: str, networks: Sequence[Network]) -> str:
    """An address that a webhook may have. What its name resolves to is checked when it is used."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Invalid("url", f'"{url[:80]}" is no address') from None
    if parts.scheme not in ("http", "https") or not parts.hostname or len(url) > LONGEST_URL or not url.isascii():
        raise Invalid("url", f'"{url[:80]}" is no address: write https://HOST/PATH')
    if parts.username is not None or parts.password is not None:
        raise Invalid("url", "holds a user or password; send it in headers")
    if parts.fragment or not url.isprintable() or " " in url or port == 0:
        raise Invalid("url", f'"{url[:80]}" holds what no address of a webhook has')
    try:
        literal = ipaddress.ip_address(parts.hostname)
    except ValueError:
        return url
    if not is_allowed(literal, networks):
        raise Invalid("url", f"{literal} is a private address; the operator allows such in TAPELESS_WEBHOOK_NETWORKS")
    return url


def is_allowed(address: Address, networks: Sequence[Network]) -> bool:
    """Whether deliveries may go to an address, also where it is one of IPv4 in the clothes of IPv6."""
    inner = _inner(address)
    if any(inner.version == network.version and inner in network for network in networks):
        return True
    site_local = isinstance(inner, ipaddress.IPv6Address) and inner.is_site_local
    return inner.is_global and not inner.is_multicast and not site_local


def _inner(address: Address) -> Address:
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1] or address


def resolve(host: str, port: int, networks: Sequence[Network]) -> str:
    """One address of a name; TargetError where it has none, or one that is not allowed."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise TargetError(f"{host} has no address ({error})") from None
    addresses = [str(each[4][0]) for each in found]
    for address in addresses:
        if not is_allowed(ipaddress.ip_address(address.partition("%")[0]), networks):
            raise TargetError(
                f"{host} is {address}, a private address; the operator allows such in TAPELESS_WEBHOOK_NETWORKS"
            )
    return addresses[0]


def sign(secret: bytes, message_id: str, moment: int, body: bytes) -> str:
    """The header `webhook-signature`."""
    signed = b".".join((message_id.encode(), str(moment).encode(), body))
    return "v1," + base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()


def shown_secret(secret: bytes) -> str:
    """A secret as its receiver keeps it."""
    return PREFIX + base64.b64encode(secret).decode()


class _Plain(http.client.HTTPConnection):
    """Connects to one address, whatever the name of the host would give."""

    address = ""

    def connect(self) -> None:
        self.sock = socket.create_connection((self.address, self.port), self.timeout)


class _Encrypted(_Plain):
    """The same over TLS, with the certificate checked against the name."""

    default_port = http.client.HTTPS_PORT

    def connect(self) -> None:
        super().connect()
        trusted = ssl.create_default_context()
        self.sock = trusted.wrap_socket(self.sock, server_hostname=self.host, do_handshake_on_connect=False)
        self.sock.do_handshake()


def post(url: str, headers: Mapping[str, str], body: bytes, networks: Sequence[Network], timing: Timing) -> int:
    """Send a body; give the status of the answer. TargetError where none came."""
    parts = urlsplit(url)
    kind = _Encrypted if parts.scheme == "https" else _Plain
    host = str(parts.hostname)
    port = parts.port or kind.default_port  # without one, it would be looked for in the colons of an IPv6 address
    try:
        connection = kind(host, port, timeout=timing.answer_seconds)
    except http.client.InvalidURL as error:
        raise TargetError(f"{host}: {error}") from None
    connection.address = resolve(host, port, networks)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    longest = timing.longest_answer_seconds
    guard = threading.Timer(longest, _hang_up, [connection])
    guard.start()
    began = time.monotonic()
    try:
        connection.request("POST", path, body, dict(headers))
        return connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        late = time.monotonic() - began >= longest
        reason = f"no answer within {longest:g} s" if late else f"{type(error).__name__}: {error}"
        raise TargetError(f"{host}: {reason}") from None
    finally:
        guard.cancel()
        connection.close()


def _hang_up(connection: http.client.HTTPConnection) -> None:
    if connection.sock is not None:
        with contextlib.suppress(OSError):
            connection.sock.shutdown(socket.SHUT_RDWR)
