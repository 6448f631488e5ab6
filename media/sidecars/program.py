"""Reader of sidecars, in the sandbox: each file by its extension, XML by its content."""

import gc
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from media.child import UnreadableError, answering_items, serve
from media.sidecars.checksum_lists import ALGORITHM_OF_EXTENSION, Entry, read_mhl, read_sums
from media.sidecars.clip_xml import clip_reader
from media.sidecars.encodings import load_codecs
from media.sidecars.field_maps import read_fields_xml, read_json
from media.sidecars.limits import MOST_BYTES, Words
from media.sidecars.tables import Row, read_ale, read_csv
from media.sidecars.xml_tree import read_tree
from media.sidecars.xmp import is_xmp, read_xmp

Facts = dict[str, Any]

CHECKSUMS = "checksums"


def read_sidecars(asked: Mapping[str, Any], files: Sequence[int]) -> dict[str, Any]:
    """Return the content of each file; an invalid file returns its error, and the next one is read."""
    return {"files": [_read(file, name, asked) for file, name in zip(files, asked["names"], strict=True)]}


def _read(file: int, name: str, asked: Mapping[str, Any]) -> Facts:
    try:
        size = os.fstat(file).st_size
        if size > MOST_BYTES:
            raise UnreadableError(f"has {size:,} bytes; sidecars of at most {MOST_BYTES:,} are read")
        with open(file, "rb", closefd=False) as opened:
            content = opened.read(MOST_BYTES)
        return _facts(content, name, bool(asked.get("entries")))
    except UnreadableError as error:
        return {"error": str(error)}


def _facts(content: bytes, name: str, wants_entries: bool) -> Facts:
    extension = os.path.splitext(name)[1].lower()
    if extension == ".mhl":
        return _sums(read_mhl(content), wants_entries)
    if extension in ALGORITHM_OF_EXTENSION:
        return _sums(read_sums(content, name), wants_entries)
    if extension == ".json":
        return {"format": "JSON", "words": read_json(content)}
    if extension == ".csv":
        return _rows("CSV", read_csv(content))
    if extension == ".ale":
        return _rows("Avid log", read_ale(content))
    return _xml(content, extension)


def _xml(content: bytes, extension: str) -> Facts:
    root = read_tree(content)
    if extension == ".xmp" or is_xmp(root):
        return {"format": "XMP", "words": read_xmp(root)}
    if root.name.lower() == "hashlist":
        return _sums(read_mhl(content), False)
    found = clip_reader(root)
    if found is not None:
        return {"format": found[0], "words": found[1](root)}
    return {"format": "XML", "words": read_fields_xml(root)}


def _sums(entries: Sequence[Entry], wants_entries: bool) -> Facts:
    said: Facts = {"format": CHECKSUMS, "count": len(entries)}
    return said | {"entries": [asdict(entry) for entry in entries]} if wants_entries else said


def _rows(kind: str, rows: Sequence[Row]) -> Facts:
    own: Words = {}
    for row in rows:
        if row.name is None:
            own |= row.words
    named = [{"name": row.name, "words": row.words} for row in rows if row.name is not None]
    return {"format": kind, "words": own, "rows": named}


def main() -> None:
    """Serve requests. Codecs are loaded first: a sandboxed process cannot open its own modules."""
    load_codecs()
    gc.disable()  # nothing here forms reference cycles, and looking for them doubles the time of a large tree
    serve(answering_items(read_sidecars))


if __name__ == "__main__":
    main()
