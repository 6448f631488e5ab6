"""Addresses of brokers, and what they mean for Celery: one server, one behind TLS, or a group that Sentinel watches.

| address | broker |
| --- | --- |
| `redis://HOST:6379/0` | Valkey or Redis |
| `rediss://HOST:6380/0` | the same over TLS; its certificate is verified |
| `sentinel://H1:26379,H2:26379/0?master=NAME` | the master that Sentinels name at each connection |
| `sentinels://…` | the same over TLS, to Sentinels and master |

Options are in the query, because an address is all that is handed from process to process.
"""

import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from models.core.sessions import KEEPALIVES, TCP_USER_TIMEOUT_MS

TLS_SCHEMES = {"rediss", "sentinels"}
SENTINEL_SCHEMES = {"sentinel", "sentinels"}
DEFAULT_SENTINEL_PORT = 26379
CA_OPTION, CERTIFICATE_OPTION, KEY_OPTION = "ssl_ca_certs", "ssl_certfile", "ssl_keyfile"
VERIFY_OPTION = "ssl_cert_reqs"
MASTER_OPTION, SENTINEL_PASSWORD_OPTION = "master", "sentinel_password"
BROKER_OPTIONS = frozenset(
    {CA_OPTION, CERTIFICATE_OPTION, KEY_OPTION, VERIFY_OPTION, MASTER_OPTION, SENTINEL_PASSWORD_OPTION}
)
SOCKET_SECONDS = 5.0
SOCKET_OPTIONS: Mapping[str, Any] = {
    # The default is no socket timeout: publishing to a vanished broker would hang forever.
    "socket_timeout": SOCKET_SECONDS,
    "socket_connect_timeout": SOCKET_SECONDS,
    # A worker waits for messages without a timeout, and Linux asks after two hours whether the broker is still there.
    # kombu gives up after 47 s; so long no worker looked for the master that Sentinels had chosen instead.
    "socket_keepalive": True,
    "socket_keepalive_options": {
        getattr(socket, name): value
        for name, value in {
            "TCP_KEEPIDLE": KEEPALIVES["keepalives_idle"],
            "TCP_KEEPINTVL": KEEPALIVES["keepalives_interval"],
            "TCP_KEEPCNT": KEEPALIVES["keepalives_count"],
            "TCP_USER_TIMEOUT": TCP_USER_TIMEOUT_MS,
        }.items()
        if hasattr(socket, name)  # macOS lacks some
    },
}
"""Of every connection to a broker, as the transport of Celery takes them."""
VERIFICATION = {"required": ssl.CERT_REQUIRED, "none": ssl.CERT_NONE}


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """What Celery needs to reach a broker."""

    url: str = field(repr=False)
    tls: Mapping[str, Any] | None = None
    transport_options: Mapping[str, Any] = field(repr=False, default_factory=dict)


def parse_broker_url(url: str) -> BrokerAddress:
    """Translate an address. Raises ValueError with what is wrong about it."""
    parts = urlsplit(url)
    if parts.scheme not in {"redis", *TLS_SCHEMES, *SENTINEL_SCHEMES}:
        return BrokerAddress(url)  # a socket, as the embedded broker has
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := sorted(options.keys() - BROKER_OPTIONS):
        raise ValueError(f'"{unknown[0]}" is not an option of a broker; known are {", ".join(sorted(BROKER_OPTIONS))}')
    tls = _tls_options(options) if parts.scheme in TLS_SCHEMES else None
    if parts.scheme not in SENTINEL_SCHEMES:
        return BrokerAddress(parts._replace(query="").geturl(), tls)
    if not options.get(MASTER_OPTION):
        raise ValueError(f"an address of Sentinels needs the name of their master: append ?{MASTER_OPTION}=NAME")
    credentials, _, hosts = parts.netloc.rpartition("@")
    credentials += "@" if credentials else ""
    urls = [f"sentinel://{credentials}{_with_port(host)}{parts.path}" for host in hosts.split(",")]
    sentinels: dict[str, Any] = {} if tls is None else {"ssl": True, **tls}
    if password := options.get(SENTINEL_PASSWORD_OPTION):
        sentinels["password"] = password
    return BrokerAddress(";".join(urls), tls, {"master_name": options[MASTER_OPTION], "sentinel_kwargs": sentinels})


def _with_port(host: str) -> str:
    has_port = host.rpartition("]")[2].count(":") == 1
    return host if has_port else f"{host}:{DEFAULT_SENTINEL_PORT}"


def _tls_options(options: Mapping[str, str]) -> dict[str, Any]:
    wanted = options.get(VERIFY_OPTION, "required")
    if wanted not in VERIFICATION:
        raise ValueError(f'{VERIFY_OPTION} is "{wanted}": write required, or none to trust any server')
    files = {name: options[name] for name in (CA_OPTION, CERTIFICATE_OPTION, KEY_OPTION) if name in options}
    return {VERIFY_OPTION: VERIFICATION[wanted], "ssl_check_hostname": wanted == "required", **files}


def add_url_options(url: str, **options: str | None) -> str:
    """Return a URL with options that it does not have yet; None adds nothing."""
    parts = urlsplit(url)
    given = dict(parse_qsl(parts.query, keep_blank_values=True))
    added = {name: value for name, value in options.items() if value is not None and name not in given}
    return parts._replace(query=urlencode(given | added, quote_via=quote)).geturl() if added else url


def split_hosts(url: str) -> str:
    """Return a PostgreSQL URL whose several hosts are in its query, as SQLAlchemy wants them.

    With several, the one that accepts writes is connected to, unless the URL says otherwise.
    """
    parts = urlsplit(url)
    credentials, _, hosts = parts.netloc.rpartition("@")
    if "," not in hosts:
        return url
    pairs = [host.rpartition(":") if ":" in host else (host, ":", "5432") for host in hosts.split(",")]
    query = [("host", ",".join(host for host, _, _ in pairs)), ("port", ",".join(port for _, _, port in pairs))]
    rest = parse_qsl(parts.query)
    if not any(name == "target_session_attrs" for name, _ in rest):
        rest.append(("target_session_attrs", "read-write"))
    credentials += "@" if credentials else ""
    return f"{parts.scheme}://{credentials}{parts.path}?{urlencode([*query, *rest], quote_via=quote)}"
