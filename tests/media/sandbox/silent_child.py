"""A program in the place of the encoder that writes a part and says that it is done, but not what it made."""

import os
from collections.abc import Iterator
from typing import Any

from media.sandbox.protocol import SandboxRequest, serve_requests


def answer(request: SandboxRequest) -> Iterator[dict[str, Any]]:
    """Write a part, and end."""
    os.write(request.files[0], b"half a file")
    yield {"done": True}


if __name__ == "__main__":
    serve_requests(answer)
