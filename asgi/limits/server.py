"""The HTTP server of the API: uvicorn with bounded connections, the same for `tapeless api`, tests and benchmarks."""

import dataclasses
import os
import resource
import socket
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from asgi.limits.connections import BoundedH11Protocol, ConnectionLimits, WaitingConnections
from models.core.timing import Timing
from services.outbound.config import IpNetwork

DEFAULT_CONNECTIONS = 2_000
"""More than a flood from one machine holds open for long: where connections make room for others, each new one waits
behind those that come back."""
RESERVED_FILES = 200
"""File descriptors for everything but connections: database, media files, logs."""
ACCEPT_BATCH = 256
"""asyncio accepts this many connections before anything else runs; 256 take 20 ms."""
LISTEN_BACKLOG = 4_096
"""Connections that the kernel holds until they are accepted. Beyond that it drops their first packets, which clients
send again after a second, so a flood would make others wait."""


def make_server(
    app: ASGIApp,
    limits: ConnectionLimits,
    trusted_proxies: Sequence[IpNetwork] = (),
    on_stop: Callable[[], None] | None = None,
    **options: Any,
) -> uvicorn.Server:
    """Return a server that is not started.

    Args:
        trusted_proxies: networks of reverse proxies: of a request that comes from there, client and scheme are what its
            X-Forwarded headers say, the client being the last address that is no such proxy. From elsewhere they are
            ignored: limits count addresses, and anyone may send a header.
        on_stop: is called before the server waits for open responses, to end those that would stay open.
        options: those of uvicorn, such as host and port.
    """
    wanted = limits.connections + RESERVED_FILES
    limits = dataclasses.replace(limits, connections=max(1, raise_file_limit(wanted) - RESERVED_FILES))
    protocol: Callable[..., BoundedH11Protocol] = partial(
        BoundedH11Protocol, limits=limits, waiting=WaitingConnections()
    )
    # uvicorn's own access log would show queries; asgi.tracing writes one that does not.
    config = uvicorn.Config(
        app,
        http=protocol,  # type: ignore[arg-type]
        ws="none",
        backlog=ACCEPT_BATCH,
        access_log=False,
        server_header=False,
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=[str(network) for network in trusted_proxies],
        **options,
    )
    return BoundedServer(config, on_stop)


class BoundedServer(uvicorn.Server):
    """uvicorn, with a longer queue in the kernel than what asyncio takes out of it at once."""

    def __init__(self, config: uvicorn.Config, on_stop: Callable[[], None] | None = None) -> None:
        super().__init__(config)
        self._on_stop = on_stop

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the responses that would stay open, then wait for the others."""
        if self._on_stop is not None:
            self._on_stop()
        await super().shutdown(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and lengthen the queue of each listener: asyncio uses one number for both."""
        await super().startup(sockets)
        for server in self.servers:
            for listener in server.sockets:
                with socket.socket(fileno=os.dup(listener.fileno())) as same:
                    same.listen(LISTEN_BACKLOG)


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
