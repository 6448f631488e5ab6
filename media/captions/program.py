"""Reader of caption files, in the sandbox: `python -m media.captions.program` answers with times and texts."""

import os
from collections.abc import Mapping
from dataclasses import astuple
from fractions import Fraction
from typing import Any

from media.captions.encodings import load_codecs_of_captions
from media.captions.reader import read_captions
from media.probe.captions import MAX_CAPTION_FILE_BYTES
from media.sandbox.protocol import UnreadableError, handle_items, serve_requests
from media.sidecars.bounded_xml import load_codecs


def read_caption_item(asked: Mapping[str, Any], files: list[int]) -> dict[str, Any]:
    """Return captions and notes of an item's one file."""
    size = os.fstat(files[0]).st_size
    if size > MAX_CAPTION_FILE_BYTES:
        raise UnreadableError(f"has {size:,} bytes; at most {MAX_CAPTION_FILE_BYTES:,} are read")
    rate = Fraction(asked["rate"]) if asked.get("rate") else None
    read = read_captions(os.pread(files[0], size, 0), asked["extension"], rate)
    return {"captions": [astuple(one) for one in read.captions], "notes": read.notes}


def main() -> None:
    """Serve requests. Codecs are loaded first: a sandboxed process cannot open their modules."""
    load_codecs()
    load_codecs_of_captions()
    serve_requests(handle_items(read_caption_item))


if __name__ == "__main__":
    main()
