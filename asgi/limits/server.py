"""The HTTP server of the API: uvicorn with bounded connections, the same for `tapeless api`, tests and benchmarks."""

import dataclasses
import resource
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from asgi.limits.connections import BoundedH11Protocol, ConnectionLimits
from models.core.timing import Timing
from services.outbound.config import IpNetwork

DEFAULT_CONNECTIONS = 1_000
RESERVED_FILES = 200
"""File descriptors for everything but connections: database, media files, logs."""
ACCEPT_BACKLOG = 256
"""asyncio accepts this many connections before anything else runs; 256 take 20 ms."""


def make_server(
    app: ASGIApp, limits: ConnectionLimits, trusted_proxies: Sequence[IpNetwork] = (), **options: Any
) -> uvicorn.Server:
    """Return a server that is not started.

    Args:
        trusted_proxies: networks of reverse proxies: of a request that comes from there, client and scheme are what its
            X-Forwarded headers say, the client being the last address that is no such proxy. From elsewhere they are
            ignored: limits count addresses, and anyone may send a header.
        options: those of uvicorn, such as host and port.
    """
    wanted = limits.connections + RESERVED_FILES
    limits = dataclasses.replace(limits, connections=max(1, raise_file_limit(wanted) - RESERVED_FILES))
    protocol: Callable[..., BoundedH11Protocol] = partial(BoundedH11Protocol, limits=limits, waiting={})
    # uvicorn's own access log would show queries; asgi.tracing writes one that does not.
    config = uvicorn.Config(
        app,
        http=protocol,  # type: ignore[arg-type]
        ws="none",
        backlog=ACCEPT_BACKLOG,
        access_log=False,
        server_header=False,
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=[str(network) for network in trusted_proxies],
        **options,
    )
    return uvicorn.Server(config)


def connection_limits(timing: Timing, connections: int) -> ConnectionLimits:
    """Return the limits of a process that the operator configured."""
    return ConnectionLimits(connections, timing.request_head_seconds, timing.request_body_seconds)


def raise_file_limit(wanted: int) -> int:
    """Raise the soft limit of open files as far as wanted and permitted; return how many of those wanted are."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return wanted if soft == resource.RLIM_INFINITY else min(wanted, soft)
