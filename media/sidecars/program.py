"""Reader of sidecars, in the sandbox: each file by its extension, XML by its content.

A request with `manifest` streams the entries of one checksum list, which may have any number of them. An item with
`manifest` is a small one, and its answer has all entries.
"""

import gc
import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, BinaryIO

from media.probe.captions import ENCODING_GUESSED, FALLBACK_CODEC
from media.sandbox.protocol import SandboxRequest, UnreadableError, handle_items, serve_requests
from media.sidecars.bounded_xml import is_encoding_guessed, load_codecs, parse_xml
from media.sidecars.camera_xml import find_camera_reader
from media.sidecars.checksum_lists import ChecksumEntry, read_checksum_list
from media.sidecars.field_maps import read_fields_json, read_fields_xml
from media.sidecars.kinds import is_checksum_list, is_media_hash_list
from media.sidecars.limits import MAX_MANIFEST_BYTES, MAX_SIDECAR_BYTES, SMALL_MANIFEST_BYTES, SidecarFields
from media.sidecars.media_hash_lists import read_media_hash_list
from media.sidecars.tables import ClipTable, read_ale, read_csv
from media.sidecars.xmp import is_xmp, read_xmp

SidecarFacts = dict[str, Any]

CHECKSUM_LIST_FORMAT = "checksums"
MANIFEST_BATCH_ENTRIES = 2_000
GUESS_NOTE = ENCODING_GUESSED + FALLBACK_CODEC


def read_sidecar_files(asked: Mapping[str, Any], files: Sequence[int]) -> dict[str, Any]:
    """Return the content of each file; an invalid file returns its error, and the next one is read."""
    if "manifest" in asked:
        with _open_bounded(files[0], SMALL_MANIFEST_BYTES) as opened:
            return {"entries": list(read_manifest(opened, asked["manifest"]))}
    return {"files": [_read_sidecar(file, name) for file, name in zip(files, asked["names"], strict=True)]}


def _read_sidecar(file: int, name: str) -> SidecarFacts:
    try:
        if is_checksum_list(name):
            with _open_bounded(file, MAX_MANIFEST_BYTES) as opened:
                return {"format": CHECKSUM_LIST_FORMAT, "count": sum(1 for _ in read_manifest(opened, name))}
        with _open_bounded(file, MAX_SIDECAR_BYTES) as opened:
            content = opened.read(MAX_SIDECAR_BYTES)
            facts = _parse_sidecar(content, name)
            notes = [*facts.pop("notes", ()), *([GUESS_NOTE] if is_encoding_guessed(content) else [])]
            return facts | ({"notes": notes} if notes else {})
    except UnreadableError as error:
        return {"error": str(error)}


def _open_bounded(file: int, most: int) -> BinaryIO:
    size = os.fstat(file).st_size
    if size > most:
        raise UnreadableError(f"has {size:,} bytes; sidecars of at most {most:,} are read")
    os.lseek(file, 0, os.SEEK_SET)
    return open(file, "rb", closefd=False)


def read_manifest(opened: BinaryIO, name: str) -> Iterator[ChecksumEntry]:
    """Yield the entries of a checksum list, by its name."""
    return read_media_hash_list(opened) if is_media_hash_list(name) else read_checksum_list(opened, name)


def _stream_manifest(request: SandboxRequest) -> Iterator[Mapping[str, Any]]:
    """Yield the entries of the request's one file in batches: the fields of each entry, in their order."""
    name, only_renames = request.values["manifest"], request.values.get("only_renames", False)
    with _open_bounded(request.files[0], MAX_MANIFEST_BYTES) as opened:
        entries = read_manifest(opened, name)
        if only_renames:
            entries = (one for one in entries if one.previous_path is not None)
        while batch := list(islice(entries, MANIFEST_BATCH_ENTRIES)):
            yield {"entries": batch}


def _answer(request: SandboxRequest) -> Iterator[Mapping[str, Any]]:
    return (_stream_manifest if "manifest" in request.values else _ANSWER_ITEMS)(request)


def _parse_sidecar(content: bytes, name: str) -> SidecarFacts:
    extension = os.path.splitext(name)[1].lower()
    if extension == ".json":
        return _table_facts("JSON", ClipTable(read_fields_json(content)))
    if extension == ".csv":
        return _table_facts("CSV", read_csv(content))
    if extension == ".ale":
        return _table_facts("Avid log", read_ale(content))
    return _parse_xml(content, extension)


def _parse_xml(content: bytes, extension: str) -> SidecarFacts:
    root = parse_xml(content)
    if extension == ".xmp" or is_xmp(root):
        read = read_xmp(root)
        return {"format": "XMP", "words": read.words, "notes": read.notes}
    if root.name.lower() == "hashlist":
        raise UnreadableError("is a media hash list, which is verified under a name that ends in .mhl; rename it")
    if root.name == "ascmhldirectory":
        return {"format": "chain of an ASC MHL history", "words": {}}
    found = find_camera_reader(root)
    if found is not None:
        return {"format": found[0], "words": found[1](root)}
    return {"format": "XML", "words": read_fields_xml(root)}


def _table_facts(kind: str, table: ClipTable) -> SidecarFacts:
    own: SidecarFields = {}
    for row in table.rows:
        if row.name is None:
            own |= row.words
    named = [
        {"name": row.name, "words": row.words} | ({"other_names": row.other_names} if row.other_names else {})
        for row in table.rows
        if row.name is not None
    ]
    return {"format": kind, "words": own, "rows": named, "notes": table.notes}


_ANSWER_ITEMS = handle_items(read_sidecar_files)


def main() -> None:
    """Serve requests. Codecs are loaded first: a sandboxed process cannot open its own modules."""
    load_codecs()
    gc.disable()  # nothing here forms reference cycles, and looking for them doubles the time of a large tree
    serve_requests(_answer)


if __name__ == "__main__":
    main()
