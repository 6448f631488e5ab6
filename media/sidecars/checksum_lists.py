"""Checksum lists: the lines that md5sum, xxhsum, rhash, OpenSSL and BagIt write, read one by one.

A list is bytes, since it names files: `md5sum` writes a name as it is on disk, in any encoding. Paths are therefore
decoded with `surrogateescape`. A list of a scanned feature has 172,800 lines, so nothing here holds a whole list.
"""

import re
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from media.sandbox.protocol import UnreadableError
from media.sidecars.checksums import DIGEST_DIGITS, reverse_bytes
from media.sidecars.kinds import BAGIT_MANIFEST, algorithm_of_list
from media.sidecars.limits import MAX_CHECKSUM_ENTRIES, MAX_SIDECAR_TEXT_CHARACTERS, require_at_most
from media.sidecars.text_lines import read_byte_lines

NAMED_CHECKSUM_LINE = re.compile(rb"(\\?)([0-9A-Fa-f]{8,128})(?: [ *]|[ \t]+\*?)(.+)", re.DOTALL)
"""md5sum puts a blank and `*` or another blank between sum and name: in `sum  *name` the star is of the name."""
C4_LINE = re.compile(rb"(c4[1-9A-HJ-NP-Za-km-z]{88})(?: [ *]|[ \t]+\*?)(.+)", re.DOTALL)
BARE_CHECKSUM_LINE = re.compile(rb"[0-9A-Fa-f]{8,128}[ \t]*")
BSD_CHECKSUM_LINE = re.compile(
    rb"(\\?)([A-Za-z][A-Za-z0-9/_-]{1,15}) {0,2}\((.+)\) ?= ?([0-9A-Fa-f]{8,128})[ \t]*", re.DOTALL
)
ALGORITHM_OF_TAG = {
    **{"MD5": "md5", "SHA1": "sha1", "XXH32": "xxh32", "XXH64": "xxh64", "XXH3": "xxh3", "XXH128": "xxh128"},
    **{f"SHA{bits}": f"sha{bits}" for bits in (224, 256, 384, 512)},
    **{f"SHA2-{bits}": f"sha{bits}" for bits in (224, 256, 384, 512)},
}
"""Tags of `--tag` of coreutils, of `rhash --bsd`, xxhsum and OpenSSL."""
LITTLE_ENDIAN_TAG = "_LE"
ALGORITHMS_OF_DIGITS = {
    "xxhash": {8: "xxh32", 16: "xxh64", 32: "xxh128"},
    "sha": {40: "sha1", 56: "sha224", 64: "sha256", 96: "sha384", 128: "sha512"},
}
"""Families whose lists do not say the algorithm in their name."""
ESCAPED_CHARACTER = re.compile(rb"\\(.)", re.DOTALL)
ESCAPES = {b"n": b"\n", b"r": b"\r"}
BAGIT_ESCAPE = re.compile(rb"%(0A|0D|25)", re.IGNORECASE)
XXH3_MARK = b"XXH3_"
"""Before the sums of `xxhsum -H3` since 0.8.2, which have as many digits as XXH64."""
HASHDEEP_MAGIC = b"%%%% HASHDEEP"


class ChecksumEntry(NamedTuple):
    """One entry of a list: the path as written there, the algorithm and the digest."""

    path: str
    algorithm: str
    """`size` for an entry that has nothing but a size; empty for one that cannot be compared."""
    digest: str
    size: int | None = None
    previous_path: str | None = None
    """Path in earlier generations of an ASC MHL history."""
    reason: str = ""
    """Why there is nothing to compare."""


def read_checksum_list(file: BinaryIO, name: str) -> Iterator[ChecksumEntry]:
    """Yield an entry for each line of a list; one bare digest is that of the file that the list is named after."""
    family = algorithm_of_list(name) or name
    if family == "sfv":
        raise UnreadableError("is an SFV list of CRC-32 sums, which are not compared; write md5, sha or xxHash sums")
    count = 0
    for number, line in enumerate(read_byte_lines(file), 1):
        if not line or line.startswith((b"#", b";")):
            continue
        if line.startswith(HASHDEEP_MAGIC):
            raise UnreadableError("is a list of hashdeep, which is not read; write one with md5sum or md5deep")
        require_at_most(len(line), MAX_SIDECAR_TEXT_CHARACTERS, "characters in one line")
        entry = _parse_line(line, family, name)
        if entry is None:
            raise UnreadableError(f"is no list of {family} sums: line {number:,} is not a sum and a file")
        count += 1
        require_at_most(count, MAX_CHECKSUM_ENTRIES, "files")
        yield entry
    if not count:
        raise UnreadableError(f"is no list of {family} sums: it names no file")


def _parse_line(line: bytes, family: str, list_name: str) -> ChecksumEntry | None:
    if family == "c4":
        found = C4_LINE.fullmatch(line)
        return ChecksumEntry(_clean_path(found[2], False, list_name), "c4", found[1].decode()) if found else None
    tagged = BSD_CHECKSUM_LINE.fullmatch(line)
    if tagged is not None:
        escape, tag, written, digest = tagged.groups()
        return _tagged_entry(_clean_path(written, bool(escape), list_name), tag.decode().upper(), digest.decode())
    is_xxh3, line = line.startswith(XXH3_MARK), line.removeprefix(XXH3_MARK)
    named = NAMED_CHECKSUM_LINE.fullmatch(line)
    if named is not None and not named[3].isspace():
        path, digest = _clean_path(named[3], bool(named[1]), list_name), named[2].decode()
    elif BARE_CHECKSUM_LINE.fullmatch(line):
        path, digest = list_name.rpartition(".")[0], line.strip().decode()
        if not path:
            return None
    else:
        return None
    algorithm = "xxh3" if is_xxh3 else ALGORITHMS_OF_DIGITS.get(family, {}).get(len(digest), family)
    if len(digest) != DIGEST_DIGITS.get(algorithm):
        return None
    return ChecksumEntry(path, algorithm, digest.lower())


def _tagged_entry(path: str, tag: str, digest: str) -> ChecksumEntry | None:
    is_reversed = tag.endswith(LITTLE_ENDIAN_TAG)
    algorithm = ALGORITHM_OF_TAG.get(tag.removesuffix(LITTLE_ENDIAN_TAG))
    if algorithm is None:
        return ChecksumEntry(path, "", "", reason=f"has only a sum of the kind {tag}, which is not computed")
    if len(digest) != DIGEST_DIGITS[algorithm]:
        return None
    return ChecksumEntry(path, algorithm, reverse_bytes(digest.lower()) if is_reversed else digest.lower())


def _clean_path(written: bytes, is_escaped: bool, list_name: str) -> str:
    """Return a path without the escapes of md5sum, which marks such a line, or of BagIt, which marks nothing."""
    if is_escaped:
        written = ESCAPED_CHARACTER.sub(lambda found: ESCAPES.get(found[1], found[1]), written)
    if BAGIT_MANIFEST.fullmatch(list_name):
        written = BAGIT_ESCAPE.sub(lambda found: bytes.fromhex(found[1].decode()), written.lstrip(b" \t"))
    return written.removeprefix(b"./").decode("utf-8", "surrogateescape")
