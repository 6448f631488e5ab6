"""Reader of sidecars, in the sandbox: each file by its extension, XML by its content."""

import gc
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from media.sandbox.protocol import UnreadableError, handle_items, serve_requests
from media.sidecars.bounded_xml import load_codecs, parse_xml
from media.sidecars.camera_xml import find_camera_reader
from media.sidecars.checksum_lists import ALGORITHM_OF_EXTENSION, ChecksumEntry, read_checksum_list, read_mhl
from media.sidecars.field_maps import read_fields_json, read_fields_xml
from media.sidecars.limits import MAX_SIDECAR_BYTES, SidecarFields
from media.sidecars.tables import ClipRow, read_ale, read_csv
from media.sidecars.xmp import is_xmp, read_xmp

SidecarFacts = dict[str, Any]

CHECKSUM_LIST_FORMAT = "checksums"


def read_sidecar_files(asked: Mapping[str, Any], files: Sequence[int]) -> dict[str, Any]:
    """Return the content of each file; an invalid file returns its error, and the next one is read."""
    return {"files": [_read_sidecar(file, name, asked) for file, name in zip(files, asked["names"], strict=True)]}


def _read_sidecar(file: int, name: str, asked: Mapping[str, Any]) -> SidecarFacts:
    try:
        size = os.fstat(file).st_size
        if size > MAX_SIDECAR_BYTES:
            raise UnreadableError(f"has {size:,} bytes; sidecars of at most {MAX_SIDECAR_BYTES:,} are read")
        with open(file, "rb", closefd=False) as opened:
            content = opened.read(MAX_SIDECAR_BYTES)
        return _parse_sidecar(content, name, bool(asked.get("entries")))
    except UnreadableError as error:
        return {"error": str(error)}


def _parse_sidecar(content: bytes, name: str, wants_entries: bool) -> SidecarFacts:
    extension = os.path.splitext(name)[1].lower()
    if extension == ".mhl":
        return _checksum_facts(read_mhl(content), wants_entries)
    if extension in ALGORITHM_OF_EXTENSION:
        return _checksum_facts(read_checksum_list(content, name), wants_entries)
    if extension == ".json":
        return {"format": "JSON", "words": read_fields_json(content)}
    if extension == ".csv":
        return _table_facts("CSV", read_csv(content))
    if extension == ".ale":
        return _table_facts("Avid log", read_ale(content))
    return _parse_xml(content, extension)


def _parse_xml(content: bytes, extension: str) -> SidecarFacts:
    root = parse_xml(content)
    if extension == ".xmp" or is_xmp(root):
        return {"format": "XMP", "words": read_xmp(root)}
    if root.name.lower() == "hashlist":
        return _checksum_facts(read_mhl(content), False)
    found = find_camera_reader(root)
    if found is not None:
        return {"format": found[0], "words": found[1](root)}
    return {"format": "XML", "words": read_fields_xml(root)}


def _checksum_facts(entries: Sequence[ChecksumEntry], wants_entries: bool) -> SidecarFacts:
    said: SidecarFacts = {"format": CHECKSUM_LIST_FORMAT, "count": len(entries)}
    return said | {"entries": [asdict(entry) for entry in entries]} if wants_entries else said


def _table_facts(kind: str, rows: Sequence[ClipRow]) -> SidecarFacts:
    own: SidecarFields = {}
    for row in rows:
        if row.name is None:
            own |= row.words
    named = [{"name": row.name, "words": row.words} for row in rows if row.name is not None]
    return {"format": kind, "words": own, "rows": named}


def main() -> None:
    """Serve requests. Codecs are loaded first: a sandboxed process cannot open its own modules."""
    load_codecs()
    gc.disable()  # nothing here forms reference cycles, and looking for them doubles the time of a large tree
    serve_requests(handle_items(read_sidecar_files))


if __name__ == "__main__":
    main()
