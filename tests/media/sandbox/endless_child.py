"""A replacement for the encoder that reports 50 % forever, until it is killed."""

import os
import threading
from collections.abc import Iterator
from typing import Any

from media.sandbox.protocol import SandboxRequest, serve_requests

STEP_SECONDS = 0.02


def answer(request: SandboxRequest) -> Iterator[dict[str, Any]]:
    """Write a part, and go on."""
    os.write(request.files[0], b"half a file")
    never = threading.Event()
    while not never.wait(STEP_SECONDS):
        yield {"done": 50, "total": 100}


if __name__ == "__main__":
    serve_requests(answer)
