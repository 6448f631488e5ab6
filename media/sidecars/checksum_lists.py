"""Checksum lists: the formats of md5sum and similar tools, and media hash lists (MHL) of both generations."""

import os
import re
from dataclasses import dataclass

from media.probe.captions import decode_text
from media.sandbox.protocol import UnreadableError
from media.sidecars.bounded_xml import XmlNode, parse_xml
from media.sidecars.limits import MAX_CHECKSUM_ENTRIES, require_at_most

ALGORITHM_OF_EXTENSION = {
    ".md5": "md5",
    ".sha1": "sha1",
    ".sha256": "sha256",
    ".sha512": "sha512",
    ".xxhash": "xxh64",
    ".xxh": "xxh64",
    ".xxh64": "xxh64",
    ".xxh3": "xxh3",
    ".xxh128": "xxh128",
}
ALGORITHM_OF_ELEMENT = {
    "md5": "md5",
    "sha1": "sha1",
    "sha256": "sha256",
    "xxhash": "xxh32",
    "xxhash64": "xxh64",
    "xxhash64be": "xxh64",
    "xxh64": "xxh64",
    "xxh3": "xxh3",
    "xxh128": "xxh128",
}
DIGEST_DIGITS = {"md5": 32, "sha1": 40, "sha256": 64, "sha512": 128, "xxh64": 16, "xxh3": 16, "xxh128": 32}
CHECKSUM_LINE = re.compile(r"(\\?)([0-9A-Fa-f]{8,128})(?:(?: [ *]|[ \t]+\*?)(.+))?")
"""md5sum puts a blank and `*` or another blank between sum and name: in `sum  *name` the star is of the name."""
ESCAPED_CHARACTER = re.compile(r"\\(.)")
BSD_CHECKSUM_LINE = re.compile(r"[A-Z0-9-]{2,12} ?\((.+)\) ?= ?([0-9A-Fa-f]{8,128})")
MAX_MHL_ELEMENTS = 6 * MAX_CHECKSUM_ENTRIES


@dataclass(frozen=True, slots=True)
class ChecksumEntry:
    """One entry of a list: the path as written there, the algorithm and the digest."""

    path: str
    algorithm: str
    digest: str
    size: int | None = None


def read_checksum_list(content: bytes, name: str) -> list[ChecksumEntry]:
    """Parse a text with one line per file, or a single digest for the file that the list is named after."""
    stem, extension = os.path.splitext(name)
    algorithm = ALGORITHM_OF_EXTENSION[extension.lower()]
    lines = [line.strip() for line in re.split("\r\n|\n|\r", decode_text(content).lstrip("\ufeff"))]
    found = []
    for number, line in enumerate(lines, 1):
        if not line or line.startswith(("#", ";")):
            continue
        entry = _parse_line(line, algorithm, stem)
        if entry is None:
            raise UnreadableError(f"is no list of {algorithm} sums: line {number:,} is not a sum and a file")
        found.append(entry)
        require_at_most(len(found), MAX_CHECKSUM_ENTRIES, "files")
    if not found:
        raise UnreadableError(f"is no list of {algorithm} sums: it names no file")
    return found


def _parse_line(line: str, algorithm: str, stem: str) -> ChecksumEntry | None:
    bsd, plain = BSD_CHECKSUM_LINE.fullmatch(line), CHECKSUM_LINE.fullmatch(line)
    if bsd is not None:
        path, digest = bsd[1], bsd[2]
    elif plain is not None:
        path, digest = plain[3] or stem, plain[2]
        if plain[1]:  # md5sum escapes names with line breaks or backslashes, and marks the line
            path = ESCAPED_CHARACTER.sub(lambda found: {"n": "\n", "r": "\r"}.get(found[1], found[1]), path)
    else:
        return None
    if len(digest) != DIGEST_DIGITS[algorithm]:
        return None
    return ChecksumEntry(path.strip().removeprefix("./"), algorithm, digest.lower())


def read_mhl(content: bytes) -> list[ChecksumEntry]:
    """Parse a media hash list; of several digests of a file the first supported one is used."""
    root = parse_xml(content, MAX_MHL_ELEMENTS)
    if root.name.lower() != "hashlist":
        raise UnreadableError(f'is no media hash list: it begins with "{root.name[:80]}"')
    found = []
    for node in root.walk():
        if node.name == "hash":
            entry = _parse_hash_node(node)
            if entry is not None:
                found.append(entry)
                require_at_most(len(found), MAX_CHECKSUM_ENTRIES, "files")
    if not found:
        raise UnreadableError("is a media hash list without a file and a sum of a kind that is checked")
    return found


def _parse_hash_node(node: XmlNode) -> ChecksumEntry | None:
    path, size = node.text_of("file"), node.text_of("size")
    if path is None:
        path, size = node.text_of("path"), node.attribute_of("path", "size")
    for child in node.children:
        algorithm = ALGORITHM_OF_ELEMENT.get(child.name.lower())
        digest = child.text.strip().lower()
        if algorithm == "xxh32" and digest.isdecimal() and len(digest) != 8:
            digest = f"{int(digest[:12]):08x}"
        if path and algorithm is not None and digest:
            return ChecksumEntry(path, algorithm, digest, int(size) if size and size.isdecimal() else None)
    return None
