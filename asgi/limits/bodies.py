"""Request bodies: read within a size and a total of memory, and parsed within a number of values.

Parsing holds the interpreter lock from its first to its last byte, so its input must be small: 2 MB of `[1,1,…]` take
60 ms, in which not even /health is answered, and a hundred times their size in memory once each value was validated.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

from services.core.errors import ValidationFailed

PUBLIC_BODY_BYTES: Final = 16 * 1024
"""Before the caller is known; a sign-in has a few hundred bytes."""
GUEST_BODY_BYTES: Final = 64 * 1024
"""A comment of 10,000 characters in any script, escaped, with a drawing."""
DEFAULT_BODY_BYTES: Final = 512 * 1024
"""Ten thousand ids, each in quotes with a comma, have 390 kB."""
LARGE_BODY_BYTES: Final = 2 * 1024 * 1024
"""A thousand segments or the probed metadata of a format."""
ALL_BODIES_BYTES: Final = 64 * 1024 * 1024
MAX_BODY_VALUES: Final = 60_000
"""Counted as commas and opening brackets; so many are parsed in 10 ms at most. The longest list has 50,000 ids."""
MAX_BODY_DEPTH: Final = 40
"""Maximum nesting levels of a body; a search filter written by a person has five."""


class BodyTooLargeError(Exception):
    """The body is larger than its route accepts from this caller."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"a body of this request has at most {limit:,} bytes")


class BodiesBusyError(Exception):
    """The bodies of all requests under way take too much memory; the same request may succeed in a second."""


def declared_length(scope: Scope) -> int:
    """Return the Content-Length, which every body has; the server checks that it is a number."""
    return next((int(value) for name, value in scope["headers"] if name == b"content-length"), 0)


class BodyMemory:
    """Reads bodies and counts their bytes until their requests end."""

    def __init__(self, limit: int = ALL_BODIES_BYTES) -> None:
        self._limit = limit
        self.used = 0

    @asynccontextmanager
    async def read(self, scope: Scope, receive: Receive, limit: int) -> AsyncIterator[bytes]:
        """Yield the body of a request; its bytes count until the block ends.

        Raises:
            BodyTooLargeError: it is larger than `limit`; known before any of it is read.
            BodiesBusyError: other bodies take the memory.
            ClientDisconnect: the client left.
        """
        length = declared_length(scope)
        if length > limit:
            raise BodyTooLargeError(limit)
        chunks: list[bytes] = []
        read, is_complete = 0, length == 0
        try:
            while not is_complete:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientDisconnect
                chunks.append(message.get("body", b""))
                read += len(chunks[-1])
                self.used += len(chunks[-1])
                if self.used > self._limit:
                    raise BodiesBusyError
                is_complete = not message.get("more_body", False)
            yield b"".join(chunks)
        finally:
            self.used -= read


def parse_json(raw: bytes) -> Any:
    """Parse a body. Runs in a worker thread, as it takes milliseconds.

    Raises:
        ValidationFailed: it is not JSON, has too many values, or is nested too deeply.
    """
    if raw.count(b",") + raw.count(b"[") + raw.count(b"{") > MAX_BODY_VALUES:
        raise ValidationFailed("body", f"a body has at most {MAX_BODY_VALUES:,} values; send it in parts")
    try:
        parsed = json.loads(raw)
    except RecursionError:
        raise ValidationFailed("body", f"is nested deeper than {MAX_BODY_DEPTH} levels") from None
    except ValueError as error:  # not JSON, not UTF-8, or a number of thousands of digits
        place = f" at character {error.pos}" if isinstance(error, json.JSONDecodeError) else ""
        raise ValidationFailed("body", f"is not JSON{place}") from None
    level = [parsed]
    for _ in range(MAX_BODY_DEPTH):
        level = [inner for one in level for inner in _children(one) if isinstance(inner, dict | list)]
        if not level:
            return parsed
    raise ValidationFailed("body", f"is nested deeper than {MAX_BODY_DEPTH} levels")


def _children(value: Any) -> Any:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
