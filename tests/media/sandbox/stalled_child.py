"""A program in the place of the encoder that says nothing any more."""

import signal
from collections.abc import Iterator
from typing import Any

from media.sandbox.protocol import SandboxRequest, serve_requests


def answer(_request: SandboxRequest) -> Iterator[dict[str, Any]]:
    """Say one thing, and then nothing."""
    yield {"done": 1, "total": 100}
    signal.pause()


if __name__ == "__main__":
    serve_requests(answer)
