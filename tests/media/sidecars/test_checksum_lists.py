"""Checksum lists: lines of every tool that is read, names with odd characters, and what is refused.

The expected answers are those of `md5sum -c` and its siblings of coreutils 9.1, `xxhsum -c` 0.8.1, `rhash -c` 1.4.3 and
`ascmhl` 1.2 on files that contain `hello`.
"""

import hashlib
import io
import json

import pytest

from media.sandbox.protocol import UnreadableError
from media.sidecars.checksum_lists import ChecksumEntry
from media.sidecars.checksums import HASHERS
from media.sidecars.program import read_manifest

MD5 = "5d41402abc4b2a76b9719d911017c592"
SHA1 = "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d"
SHA256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
SHA384 = "59e1748777448c69de6b800d7a33bbfb9ff1b463e44354c3553bcdb9c666fa90125a3c79f90397bdf5f6a13de828684f"
XXH32, XXH64, XXH3, XXH128 = "fb0077f9", "26c7827d889f6da3", "9555e8555c62dcfd", "b5e9c1ad071b3e7fc779cfaa5e523818"
C4 = "c447Fm3BJZQ62765jMZJH4m28hrDM7Szbj9CUmj4F4gnvyDYXYz4WfnK2nYRhFvRgYEectEXYBYWLDpLo6XGNAfKdt"

SUMS = {
    **{"md5": MD5, "sha1": SHA1, "sha256": SHA256, "sha384": SHA384, "c4": C4},
    **{"xxh32": XXH32, "xxh64": XXH64, "xxh3": XXH3, "xxh128": XXH128},
}


@pytest.mark.parametrize("algorithm", SUMS)
def test_every_sum_is_that_of_its_tool(algorithm: str) -> None:
    summed = HASHERS[algorithm]()
    summed.update(b"hello")
    assert summed.hexdigest() == SUMS[algorithm]


def read(content: bytes, name: str) -> list[ChecksumEntry]:
    return list(read_manifest(io.BytesIO(content), name))


LINES: dict[str, tuple[str, str, str, list[str]]] = {
    # kind: name of the list, its text, algorithm, paths
    "text mode": ("a.md5", f"{MD5}  a.mov", "md5", ["a.mov"]),
    "binary mode": ("a.md5", f"{MD5} *a.mov", "md5", ["a.mov"]),
    "a star in the name, text mode": ("a.md5", f"{MD5}  *a.mov", "md5", ["*a.mov"]),
    "a star in the name, binary mode": ("a.md5", f"{MD5} **a.mov", "md5", ["*a.mov"]),
    "a number sign in the name": ("a.md5", f"{MD5}  #a.mov", "md5", ["#a.mov"]),
    "a blank before the name": ("a.md5", f"{MD5}   a.mov", "md5", [" a.mov"]),
    "a blank after the name": ("a.md5", f"{MD5}  a.mov ", "md5", ["a.mov "]),
    "a blank after the name, binary mode": ("a.md5", f"{MD5} *a.mov \n", "md5", ["a.mov "]),
    "one blank": ("a.md5", f"{MD5} a.mov", "md5", ["a.mov"]),
    "a tab": ("a.md5", f"{MD5}\ta.mov", "md5", ["a.mov"]),
    "blanks before the sum": ("a.md5", f"  {MD5}  a.mov", "md5", ["a.mov"]),
    "a folder": ("a.md5", f"{MD5}  ./Clips/a.mov", "md5", ["Clips/a.mov"]),
    "a folder above": ("a.md5", f"{MD5}  ../Clips/a.mov", "md5", ["../Clips/a.mov"]),
    "an absolute path": ("a.md5", f"{MD5}  /mnt/show/a.mov", "md5", ["/mnt/show/a.mov"]),
    "blanks in a name": ("a.md5", f"{MD5}  Day 1/a  b.mov", "md5", ["Day 1/a  b.mov"]),
    "capital digits": ("a.md5", f"{MD5.upper()}  a.mov", "md5", ["a.mov"]),
    "only a sum": ("a.mov.md5", MD5, "md5", ["a.mov"]),
    "only a sum and a line end": ("a.mov.sha1", f"{SHA1} \r\n", "sha1", ["a.mov"]),
    "comments and blank lines": ("a.md5", f"# made by hand\n\n; old\n{MD5}  a.mov\n", "md5", ["a.mov"]),
    "line ends of Windows": ("a.md5", f"{MD5}  a.mov\r\n{MD5}  b.mov\r\n", "md5", ["a.mov", "b.mov"]),
    "line ends of an old Mac": ("a.md5", f"{MD5}  a.mov\r{MD5}  b.mov", "md5", ["a.mov", "b.mov"]),
    "a line separator in a name": ("a.md5", f"{MD5}  a\u2028b.mov", "md5", ["a\u2028b.mov"]),
    "an escaped line break": ("a.md5", f"\\{MD5}  a\\nb.mov", "md5", ["a\nb.mov"]),
    "an escaped carriage return": ("a.md5", f"\\{MD5}  a\\rb.mov", "md5", ["a\rb.mov"]),
    "an escaped backslash": ("a.md5", f"\\{MD5}  a\\\\b.mov", "md5", ["a\\b.mov"]),
    "an escaped backslash before an n": ("a.md5", f"\\{MD5}  a\\\\nb.mov", "md5", ["a\\nb.mov"]),
    "a backslash that is not escaped": ("a.md5", f"{MD5}  a\\nb.mov", "md5", ["a\\nb.mov"]),
    "--tag": ("a.md5", f"MD5 (a (1).mov) = {MD5}", "md5", ["a (1).mov"]),
    "--tag with a blank at the end": ("a.md5", f"MD5 (a.mov ) = {MD5}", "md5", ["a.mov "]),
    "--tag with escapes": ("a.md5", f"\\MD5 (back\\\\slash.mov) = {MD5}", "md5", ["back\\slash.mov"]),
    "--tag of cksum": ("a.sha256", f"SHA256 (a.mov) = {SHA256}", "sha256", ["a.mov"]),
    "OpenSSL": ("a.sha256", f"SHA2-256(a.mov)= {SHA256}", "sha256", ["a.mov"]),
    "BSD of rhash": ("a.sha1", f"SHA1  (a.mov) = {SHA1}", "sha1", ["a.mov"]),
    "a tag of another kind than the list": ("a.md5", f"SHA1 (a.mov) = {SHA1}", "sha1", ["a.mov"]),
    "sha384": ("a.sha384", f"{SHA384}  a.mov", "sha384", ["a.mov"]),
    "any sha by its length": ("a.sha", f"{SHA256}  a.mov", "sha256", ["a.mov"]),
    "xxHash of 32 bits": ("a.xxh32", f"{XXH32}  a.mov", "xxh32", ["a.mov"]),
    "xxHash of 32 bits under another name": ("a.xxhash", f"{XXH32}  a.mov", "xxh32", ["a.mov"]),
    "xxHash of 64 bits": ("a.xxhash", f"{XXH64}  a.mov", "xxh64", ["a.mov"]),
    "xxHash of 64 bits, tagged": ("a.xxh64", f"XXH64 (a.mov) = {XXH64}", "xxh64", ["a.mov"]),
    "xxHash of 64 bits, little-endian": ("a.xxh64", "XXH64_LE (a.mov) = a36d9f887d82c726", "xxh64", ["a.mov"]),
    "XXH3": ("a.xxh3", f"XXH3 (a.mov) = {XXH3}", "xxh3", ["a.mov"]),
    "XXH128": ("a.xxh128", f"{XXH128}  a.mov", "xxh128", ["a.mov"]),
    "XXH128, tagged": ("a.xxh", f"XXH128 (a.mov) = {XXH128}", "xxh128", ["a.mov"]),
    "MD5SUMS": ("MD5SUMS", f"{MD5}  a.mov", "md5", ["a.mov"]),
    "sha256sum.txt": ("sha256sum.txt", f"{SHA256}  a.mov", "sha256", ["a.mov"]),
    "a BagIt manifest": ("manifest-md5.txt", f"{MD5}  data/a.mov", "md5", ["data/a.mov"]),
    "a BagIt manifest with many blanks": ("manifest-md5.txt", f"{MD5}    data/a.mov", "md5", ["data/a.mov"]),
    "a BagIt manifest with escapes": ("manifest-md5.txt", f"{MD5}  data/a%0Ab%25.mov", "md5", ["data/a\nb%.mov"]),
    "a percent sign elsewhere": ("a.md5", f"{MD5}  a%0Ab.mov", "md5", ["a%0Ab.mov"]),
    "a BagIt manifest of tags": ("tagmanifest-sha256.txt", f"{SHA256} bagit.txt", "sha256", ["bagit.txt"]),
}


@pytest.mark.parametrize("kind", LINES)
def test_every_line_is_a_sum_and_a_file(kind: str) -> None:
    name, text, algorithm, paths = LINES[kind]
    assert read(text.encode(), name) == [ChecksumEntry(path, algorithm, SUMS[algorithm]) for path in paths]


ENCODINGS = {
    "a byte order mark": f"\ufeff{MD5}  ünï.mov\n".encode(),
    "UTF-16 with a mark": f"{MD5}  ünï.mov\r\n".encode("utf-16"),
    "UTF-16 without a mark": f"{MD5}  ünï.mov\r\n".encode("utf-16-le"),
}


@pytest.mark.parametrize("kind", ENCODINGS)
def test_a_list_is_read_in_every_unicode(kind: str) -> None:
    assert read(ENCODINGS[kind], "a.md5") == [ChecksumEntry("ünï.mov", "md5", MD5)]


def test_a_name_that_is_no_utf_8_keeps_its_bytes() -> None:
    (entry,) = read(f"{MD5}  ünï.mov".encode("latin-1"), "a.md5")
    assert json.loads(json.dumps(entry.path)).encode("utf-8", "surrogateescape") == b"\xfcn\xef.mov"


def test_a_list_of_a_scanned_feature_is_read_whole() -> None:
    lines = b"".join(f"{MD5}  scan/{number:07}.dpx\n".encode() for number in range(172_800))
    entries = read(lines, "scan.md5")
    assert (len(entries), entries[-1].path) == (172_800, "scan/0172799.dpx")


REFUSED: dict[str, tuple[str, str, str]] = {
    "empty": ("a.md5", "", "is no list of md5 sums: it names no file"),
    "only comments": ("a.md5", "# nothing\n", "is no list of md5 sums: it names no file"),
    "a longer sum": ("a.md5", f"{SHA1}  a.mov", "is no list of md5 sums: line 1 is not a sum and a file"),
    "no sum": ("a.md5", "a.mov", "is no list of md5 sums: line 1"),
    "a wrong digit": ("a.md5", f"{MD5[:-1]}g  a.mov", "is no list of md5 sums: line 1"),
    "a tagged sum of the wrong length": ("a.md5", f"MD5 (a) = {SHA1}", "is no list of md5 sums: line 1"),
    "the third line": ("a.md5", f"{MD5}  a\n\nnothing", "is no list of md5 sums: line 3"),
    "a sum without any name": ("MD5SUMS", MD5, "is no list of md5 sums: line 1"),
    "hashdeep": ("a.md5", f"%%%% HASHDEEP-1.0\n5,{MD5},/a.mov", "is a list of hashdeep, which is not read"),
    "SFV": ("a.sfv", "; by rhash\na.mov 3610A686\n", "is an SFV list of CRC-32 sums, which are not compared"),
    "a line without end": ("a.md5", "a" * (3 << 20), "has more than 100,000 characters in one line"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_list_says_why(kind: str) -> None:
    name, text, reason = REFUSED[kind]
    with pytest.raises(UnreadableError) as refused:
        read(text.encode(), name)
    assert str(refused.value).startswith(reason)


def test_a_sum_of_a_kind_that_is_not_computed_is_counted_and_not_dropped() -> None:
    (entry,) = read(b"BLAKE2b (a.mov) = " + b"ab" * 64, "a.md5")
    assert (entry.path, entry.algorithm) == ("a.mov", "")
    assert entry.reason == "has only a sum of the kind BLAKE2B, which is not computed"


def hashes(*lines: str, encoding: str = "UTF-8") -> bytes:
    head = f'<?xml version="1.0" encoding="{encoding}"?><hashlist version="1.1"><creatorinfo/>'
    return f"{head}{''.join(f'<hash>{line}</hash>' for line in lines)}</hashlist>".encode(encoding)


FAILED = "is recorded as failed: its bytes were not those of an earlier generation"
ORIGINAL = f'<md5 action="original" hashdate="2026-11-29T11:25:34+00:00">{MD5}</md5>'
MHL: dict[str, tuple[str, ChecksumEntry]] = {
    "first generation": (
        f"<file>a.mov</file><size>5</size><md5>{MD5}</md5>",
        ChecksumEntry("a.mov", "md5", MD5, 5),
    ),
    "second generation": (f'<path size="5">a.mov</path>{ORIGINAL}', ChecksumEntry("a.mov", "md5", MD5, 5)),
    "a rename": (
        f'<path size="5">b.mov</path>{ORIGINAL}<previousPath>a.mov</previousPath>',
        ChecksumEntry("b.mov", "md5", MD5, 5, "a.mov"),
    ),
    "the first sum that is computed": (
        f"<file>a.mov</file><tth>x</tth><sha1>{SHA1}</sha1><md5>{MD5}</md5>",
        ChecksumEntry("a.mov", "sha1", SHA1),
    ),
    "C4": (f'<path size="5">a.mov</path><c4 action="verified">{C4}</c4>', ChecksumEntry("a.mov", "c4", C4, 5)),
    "a failed check": (
        f'<path size="5">a.mov</path><md5 action="failed">{MD5}</md5>',
        ChecksumEntry("a.mov", "", "", 5, None, FAILED),
    ),
    "a failed check beside a new kind of sum": (
        f'<path>a.mov</path><xxh64 action="failed">{XXH64}</xxh64><md5 action="new">{MD5}</md5>',
        ChecksumEntry("a.mov", "md5", MD5),
    ),
    "a decimal xxHash": ("<file>a.mov</file><xxhash>255</xxhash>", ChecksumEntry("a.mov", "xxh32", "000000ff")),
    "a hexadecimal xxHash": (
        "<file>a.mov</file><xxhash>00000255</xxhash>",
        ChecksumEntry("a.mov", "xxh32", "00000255"),
    ),
    "xxHash of 64 bits": (
        f"<file>a.mov</file><xxhash64be>{XXH64.upper()}</xxhash64be>",
        ChecksumEntry("a.mov", "xxh64", XXH64),
    ),
    "a size and no sum": (
        "<file>a.mov</file><size>5</size><null/>",
        ChecksumEntry("a.mov", "size", "5", 5),
    ),
    "a size alone": ("<file>a.mov</file><size>5</size>", ChecksumEntry("a.mov", "size", "5", 5)),
    "a size that is none": (f"<file>a</file><size>x</size><md5>{MD5}</md5>", ChecksumEntry("a", "md5", MD5)),
    "neither sum nor size": ("<file>a</file>", ChecksumEntry("a", "", "", reason="has neither sum nor size")),
    "sums that are not computed": (
        "<file>a</file><size>5</size><tth>x</tth>",
        ChecksumEntry("a", "", "", 5, None, "has only sums that are not computed: tth"),
    ),
    "a sum that is none": (
        f"<file>a</file><md5>{XXH64}</md5>",
        ChecksumEntry("a", "", "", reason=f'has the md5 "{XXH64}", which is none'),
    ),
    "blanks around a name": (f"<file> a .mov </file><md5>{MD5}</md5>", ChecksumEntry(" a .mov ", "md5", MD5)),
    "an entity in a name": (f"<file>a&amp;b.mov</file><md5>{MD5}</md5>", ChecksumEntry("a&b.mov", "md5", MD5)),
}


@pytest.mark.parametrize("kind", MHL)
@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16", "ISO-8859-1"])
def test_a_media_hash_list_gives_path_and_sum(kind: str, encoding: str) -> None:
    line, expected = MHL[kind]
    assert read(hashes(line, encoding=encoding), "a.mhl") == [expected]


def test_a_media_hash_list_of_a_scanned_feature_is_read_whole() -> None:
    content = hashes(*(f"<file>scan/{number:07}.dpx</file><md5>{MD5}</md5>" for number in range(172_800)))
    entries = read(content, "scan.mhl")
    assert (len(entries), entries[-1].path) == (172_800, "scan/0172799.dpx")


def test_a_media_hash_list_in_another_encoding_than_it_says_keeps_its_names() -> None:
    content = hashes(f"<file>ünï.mov</file><md5>{MD5}</md5>").decode().encode("latin-1")
    assert [entry.path for entry in read(content, "a.mhl")] == ["ünï.mov"]


DOCTYPE = b'<!DOCTYPE hashlist [<!ENTITY a "b">]><hashlist/>'
NO_MHL: dict[str, tuple[bytes, str]] = {
    "no file": (hashes(), "is a media hash list that names no file"),
    "another root": (b"<list/>", 'is no media hash list: it begins with "list"'),
    "broken off": (hashes(f"<file>a</file><md5>{MD5}</md5>")[:-20], "is no XML that can be read: unclosed token"),
    "entities": (DOCTYPE, "declares entities, which can expand"),
    "another encoding": (b'<?xml version="1.0" encoding="EBCDIC-CP-BE"?><a/>', 'says that it is written in "EBCDIC'),
    "elements that are no files": (b"<hashlist>" + b"<a/>" * 60_000, "has more than 50,000 elements that are no files"),
}


@pytest.mark.parametrize("kind", NO_MHL)
def test_what_is_no_media_hash_list_says_why(kind: str) -> None:
    content, reason = NO_MHL[kind]
    with pytest.raises(UnreadableError) as refused:
        read(content, "a.mhl")
    assert str(refused.value).startswith(reason)


def test_sums_of_the_standard_library_are_those_of_their_tools() -> None:
    assert hashlib.sha224(b"hello").hexdigest() == "ea09ae9cc6768c50fcee903ed054556e5bfc8347907f12598aa24193"
