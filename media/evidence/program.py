"""Reader of indexes, in the sandbox: each file by its path, as one statement."""

import gc
import os
from collections.abc import Mapping, Sequence
from typing import Any

from media.evidence.indexes import find_index_reader
from media.evidence.statements import Statement
from media.sandbox.protocol import UnreadableError, handle_items, serve_requests
from media.sidecars.bounded_xml import load_codecs
from media.sidecars.limits import MAX_SIDECAR_BYTES


def read_index(asked: Mapping[str, Any], files: Sequence[int]) -> dict[str, Any]:
    """Return the statement of one index."""
    size = os.fstat(files[0]).st_size
    if size > MAX_SIDECAR_BYTES:
        raise UnreadableError(f"has {size:,} bytes; indexes of at most {MAX_SIDECAR_BYTES:,} are read")
    with open(files[0], "rb", closefd=False) as opened:
        content = opened.read(MAX_SIDECAR_BYTES)
    return state_index(content, asked["path"], frozenset(asked["packages"])).to_json()


def state_index(content: bytes, path: str, packages: frozenset[str] = frozenset()) -> Statement:
    """Return the statement of an index with this content. UnreadableError says what is wrong with it."""
    reader = find_index_reader(path, packages)
    if reader is None:
        raise UnreadableError("is no index that is read")
    return reader(content, path)


def main() -> None:
    """Serve requests. Codecs are loaded first: a sandboxed process cannot open its own modules."""
    load_codecs()
    gc.disable()  # nothing here forms reference cycles, and looking for them doubles the time of a large tree
    serve_requests(handle_items(read_index))


if __name__ == "__main__":
    main()
