"""Media hash lists (MHL): version 1 of Pomfort and others, version 2 of the ASC; parsed while they are read.

A list of a scanned feature has 172,800 files in 60 MB of XML, so entries are yielded and no tree is built. Of several
digests of a file the first that is computed here is used. A digest with `action="failed"` records that a check found
other bytes than those expected, so it is no expectation.
"""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO
from xml.parsers import expat

from media.sandbox.protocol import UnreadableError
from media.sidecars.bounded_xml import describe_xml_error, guess_xml_codec, refuse_declarations
from media.sidecars.checksum_lists import ChecksumEntry
from media.sidecars.checksums import DIGEST_DIGITS, SIZE_CHECK
from media.sidecars.limits import (
    MAX_CHECKSUM_ENTRIES,
    MAX_SIDECAR_TEXT_CHARACTERS,
    MAX_XML_DEPTH,
    MAX_XML_ELEMENTS,
    require_at_most,
)
from media.sidecars.text_lines import TEXT_READ_BYTES

ALGORITHM_OF_ELEMENT = {
    **{"md5": "md5", "sha1": "sha1", "sha224": "sha224", "sha256": "sha256", "sha384": "sha384", "sha512": "sha512"},
    **{"xxhash": "xxh32", "xxhash64": "xxh64", "xxhash64be": "xxh64"},
    **{"xxh32": "xxh32", "xxh64": "xxh64", "xxh3": "xxh3", "xxh128": "xxh128", "c4": "c4"},
}
OTHER_ELEMENTS = frozenset({"file", "size", "path", "previouspath", "lastmodificationdate", "creationdate", "hashdate"})
FAILED_ACTION = "failed"
SIZE_ONLY_ELEMENT = "null"


@dataclass(slots=True)
class _HashElement:
    """What one `hash` element says so far."""

    path: str = ""
    size: str = ""
    previous_path: str | None = None
    sums: list[tuple[str, str, str]] = field(default_factory=list)
    """Element, action and digest."""

    def entry(self) -> ChecksumEntry | None:
        if not self.path:
            return None
        size = int(self.size) if self.size.isdecimal() and len(self.size) < 19 else None
        for name, action, digest in self.sums:
            algorithm = ALGORITHM_OF_ELEMENT.get(name)
            if algorithm is not None and action != FAILED_ACTION:
                found = _clean_digest(algorithm, digest)
                if found is None:
                    reason = f'has the {algorithm} "{digest[:140]}", which is none'
                    return ChecksumEntry(self.path, "", "", size, self.previous_path, reason)
                return ChecksumEntry(self.path, algorithm, found, size, self.previous_path)
        return self._without_sum(size)

    def _without_sum(self, size: int | None) -> ChecksumEntry:
        names = [name for name, _, _ in self.sums if name != SIZE_ONLY_ELEMENT]
        if any(action == FAILED_ACTION for _, action, _ in self.sums):
            reason = "is recorded as failed: its bytes were not those of an earlier generation"
        elif size is not None and not names:
            return ChecksumEntry(self.path, SIZE_CHECK, str(size), size, self.previous_path)
        elif names:
            reason = f"has only sums that are not computed: {', '.join(names)[:100]}"
        else:
            reason = "has neither sum nor size"
        return ChecksumEntry(self.path, "", "", size, self.previous_path, reason)


def _clean_digest(algorithm: str, digest: str) -> str | None:
    """Return a digest as computed digests are written; None if it is none."""
    if algorithm == "c4":
        return digest if len(digest) == 90 and digest.startswith("c4") else None
    if algorithm == "xxh32" and digest.isdecimal() and len(digest) != 8:
        digest = f"{int(digest[:12]):08x}"
    is_hexadecimal = set(digest.lower()) <= set("0123456789abcdef")
    return digest.lower() if is_hexadecimal and len(digest) == DIGEST_DIGITS[algorithm] else None


def read_media_hash_list(file: BinaryIO) -> Iterator[ChecksumEntry]:
    """Yield an entry for each file that the list names. UnreadableError says what is wrong."""
    builder = _HashListReader()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = builder.start, builder.end
    parser.CharacterDataHandler = builder.add_text
    refuse_declarations(parser)
    try:
        for piece in _decoded_pieces(file):
            parser.Parse(piece, False)
            yield from builder.take()
        parser.Parse("", True)
    except expat.ExpatError as error:
        raise UnreadableError(describe_xml_error(error)) from None
    yield from builder.take()
    if not builder.count:
        raise UnreadableError("is a media hash list that names no file")


def _decoded_pieces(file: BinaryIO) -> Iterator[str]:
    codec = guess_xml_codec(file)
    decoder = codecs.getincrementaldecoder(codec)("replace")
    is_first = True
    while piece := file.read(TEXT_READ_BYTES):
        text = decoder.decode(piece)
        yield text.lstrip("\ufeff \t\r\n") if is_first else text
        is_first = False


class _HashListReader:
    """Builds entries from parser events."""

    def __init__(self) -> None:
        self.count = 0
        self._depth = 0
        self._others = 0
        self._hash: _HashElement | None = None
        self._attributes: dict[str, str] = {}
        self._text = ""
        self._entries: list[ChecksumEntry] = []

    def take(self) -> list[ChecksumEntry]:
        """Return the entries since the last call."""
        entries, self._entries = self._entries, []
        return entries

    def start(self, name: str, attributes: dict[str, str]) -> None:
        name = name.rpartition(" ")[2].lower()
        if self._depth == 0 and name != "hashlist":
            raise UnreadableError(f'is no media hash list: it begins with "{name[:80]}"')
        self._depth += 1
        require_at_most(self._depth, MAX_XML_DEPTH, "elements inside of each other")
        if name == "hash":
            self._hash = _HashElement()
        elif self._hash is None:
            self._others += 1
            require_at_most(self._others, MAX_XML_ELEMENTS + self.count, "elements that are no files")
        self._attributes, self._text = attributes, ""

    def end(self, name: str) -> None:
        name = name.rpartition(" ")[2].lower()
        self._depth -= 1
        if self._hash is None:
            return
        if name == "hash":
            entry, self._hash = self._hash.entry(), None
            if entry is not None:
                self.count += 1
                require_at_most(self.count, MAX_CHECKSUM_ENTRIES, "files")
                self._entries.append(entry)
        else:
            self._take(self._hash, name, self._text.strip())

    def _take(self, one: _HashElement, name: str, text: str) -> None:
        if name in ("file", "path"):
            one.path, one.size = self._text.strip("\r\n\t"), self._attributes.get("size", one.size)
        elif name == "size":
            one.size = text
        elif name == "previouspath":
            one.previous_path = self._text.strip("\r\n\t")
        elif name == SIZE_ONLY_ELEMENT or (text and name not in OTHER_ELEMENTS):
            one.sums.append((name, self._attributes.get("action", "").lower(), text))
            require_at_most(len(one.sums), 100, "sums of one file")

    def add_text(self, text: str) -> None:
        if self._hash is not None:
            self._text += text
            require_at_most(len(self._text), MAX_SIDECAR_TEXT_CHARACTERS, "characters in one element")
