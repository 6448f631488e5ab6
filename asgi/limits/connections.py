"""HTTP connections with deadlines and a maximum number, which uvicorn lacks.

uvicorn closes idle connections, but waits without end for the rest of a request's head or body, and for a client that
does not read its response; `limit_concurrency` counts only requests whose head is complete. So a client could hold
connections open with half-sent requests until the process has no file descriptor left.

1. A head has a size, a number of lines and a time; a body has a time; a response must be read at a minimum rate.
2. At the maximum number of connections, one that waits for its client is closed for the new one: of the address with
   most of these, the one that has waited longest and was never served. A client that sends its request at once is never
   that one, and one with few connections, such as a health check, keeps them while another address has more. If none
   waits, the new one is closed.
3. Bodies need a Content-Length (411): parsing one-byte chunks costs the event loop a hundred times what their bytes
   cost, and a declared length is checked before anything is read.
"""

import asyncio
import json
import re
import select
import socket
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from asgi.limits.addresses import UNKNOWN_CUSTOMER, customer_address

END_OF_HEAD: Final = re.compile(rb"\n\r?\n")
TRANSFER_ENCODING: Final = re.compile(rb"\ntransfer-encoding[ \t]*:", re.IGNORECASE)
MAX_DISCARDED_BYTES: Final = 64 * 1024 * 1024
"""A client that does not stop sending after its response is cut off here."""
MAX_EVICTION_CANDIDATES: Final = 32
"""Connections that are looked at for one that is to be closed: a kept one among them is spared."""
RECEIVE_BUFFER_BYTES: Final = 32 * 1024
"""Bounds what one read takes in: two thousand connections hold at most 200 MB before their requests are authenticated.
"""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Limits of the connections of one process."""

    connections: int
    head_seconds: float
    body_seconds: float
    unread_seconds: float = 30.0
    """Time in which a client must read 48 kB of a response that does not fit the buffers."""
    head_bytes: int = 16 * 1024
    head_lines: int = 100
    """h11 takes 10 µs per header line: a head of minimal lines would take the event loop 30 ms."""


class WaitingConnections:
    """Connections that wait for their client, by its address, the longest first."""

    def __init__(self) -> None:
        self._of_address: dict[str, dict[BoundedH11Protocol, None]] = {}

    def add(self, connection: "BoundedH11Protocol") -> None:
        """Add a connection that begins to wait."""
        self._of_address.setdefault(connection.address, {})[connection] = None

    def discard(self, connection: "BoundedH11Protocol") -> None:
        """Remove a connection that waits no more."""
        of_address = self._of_address.get(connection.address, {})
        of_address.pop(connection, None)
        if not of_address:
            self._of_address.pop(connection.address, None)

    def find_idlest(self) -> "BoundedH11Protocol | None":
        """Return the longest waiting of the address that has most of them; those that were served before come last.

        One whose request has arrived and is not read yet does not wait: closing it would lose an honest request.
        """
        most = max(self._of_address.values(), key=len, default={})
        longest = list(islice(most, MAX_EVICTION_CANDIDATES))
        longest.sort(key=lambda connection: connection.was_served)
        return next((each for each in longest if not each.has_input()), None) or next(iter(longest), None)


class BoundedH11Protocol(H11Protocol):
    """One connection."""

    def __init__(self, *given: Any, limits: ConnectionLimits, waiting: WaitingConnections, **named: Any) -> None:
        super().__init__(*given, **named)
        self._limits, self._waiting = limits, waiting
        self.address = ""
        self.was_served = False
        self._stage = ""
        self._discarded = 0
        self._deadline: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.address = customer_address(self.client[0]) if self.client else UNKNOWN_CUSTOMER
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        self._enter("head")
        if len(self.connections) > self._limits.connections:
            # Its own wait has just begun: it is closed only if no other connection waits.
            (self._waiting.find_idlest() or self).evict()

    def connection_lost(self, exc: Exception | None) -> None:
        self._enter("lost")
        self._stop_unread_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._stage in ("refused", "discard"):
            self._discarded += len(data)
            if self._discarded > MAX_DISCARDED_BYTES:
                self.transport.abort()
            return
        if self.conn.their_state is h11.IDLE and (refusal := self._check_head(data)):
            self._refuse(*refusal)
            return
        super().data_received(data)
        self._follow()

    def on_response_complete(self) -> None:
        if self.conn.their_state is h11.SEND_BODY and not self.transport.is_closing():
            self._discard_body()
            return
        # The base class parses a pipelined request here, which has not passed `data_received`.
        if self.conn.trailing_data[0] and (refusal := self._check_head(b"")):
            self._refuse(*refusal)
            return
        super().on_response_complete()
        self._follow()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._enter("closing")

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread = self.loop.call_later(self._limits.unread_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        self._stop_unread_timer()
        super().resume_writing()

    def has_input(self) -> bool:
        """Return whether the client has sent something that is not read yet."""
        arrived = select.poll()
        arrived.register(self.transport.get_extra_info("socket").fileno(), select.POLLIN)
        return bool(arrived.poll(0))

    def evict(self) -> None:
        """Close this connection at once, because a new one needs its place."""
        self.connections.discard(self)
        self._enter("lost")
        self.transport.abort()

    def _discard_body(self) -> None:
        """Close after a response that came before the end of the body, once the client stops sending.

        Closing at once would reset the connection, and a client that still sends would lose the response.
        """
        self._enter("discard")
        self.transport.write_eof()
        self.flow.resume_reading()

    def _follow(self) -> None:
        """Enter the stage that the parser is in."""
        if self.transport.is_closing():
            self._enter("closing")
        elif self.conn.their_state is h11.IDLE:
            self.was_served = self.cycle is not None
            self._enter("idle" if self.was_served and not self.conn.trailing_data[0] else "head")
        else:
            self._enter("body" if self.conn.their_state is h11.SEND_BODY else "work")

    def _enter(self, stage: str) -> None:
        """Begin to wait in a stage; a client that sends byte by byte stays in its stage, and its deadline stays too."""
        if stage == self._stage:
            return
        self._stage = stage
        self._waiting.discard(self)
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        seconds = {
            "head": self._limits.head_seconds,
            "body": self._limits.body_seconds,
            "discard": self._limits.body_seconds,
            # `close` waits until the client has read what is in the buffer, without end.
            "closing": self._limits.unread_seconds,
            "refused": self._limits.unread_seconds,
        }
        if stage in seconds:
            self._deadline = self.loop.call_later(seconds[stage], self._end_stage)
        if stage in ("head", "body", "idle", "discard"):
            self._waiting.add(self)

    def _end_stage(self) -> None:
        if self._stage in ("closing", "refused", "discard"):
            self.transport.abort()
        elif self._stage == "head" and not self.conn.trailing_data[0]:
            self.transport.close()
        else:
            self._refuse(408, f"the {self._stage} of the request did not arrive in time")

    def _check_head(self, data: bytes) -> tuple[int, str] | None:
        """Return status and reason to refuse a head with, from what has arrived of it."""
        arrived = self.conn.trailing_data[0] + data
        end = END_OF_HEAD.search(arrived, 0, self._limits.head_bytes)
        if end is None and len(arrived) > self._limits.head_bytes:
            return 431, f"the head of a request has at most {self._limits.head_bytes} bytes"
        head_end = end.start() if end else len(arrived)
        if arrived.count(b"\n", 0, head_end) > self._limits.head_lines:
            return 431, f"the head of a request has at most {self._limits.head_lines} lines"
        if TRANSFER_ENCODING.search(arrived, 0, head_end):
            return 411, "a body needs a Content-Length"
        return None

    def _refuse(self, status: int, problem: str) -> None:
        """Respond with an error and close. The application of a request in progress sees a disconnect."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            content = json.dumps({"errors": [problem]}).encode()
            headers = [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(content)).encode()),
                (b"connection", b"close"),
            ]
            events = (h11.Response(status_code=status, headers=headers), h11.Data(content), h11.EndOfMessage())
            for event in events:
                self.transport.write(self.conn.send(event) or b"")
        self._enter("refused")
        self.transport.close()

    def _stop_unread_timer(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None
