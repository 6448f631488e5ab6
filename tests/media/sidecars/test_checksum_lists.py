"""Checksum lists: lines of every tool that is read, names with odd characters, and what is refused."""

import pytest

from media.sandbox.protocol import UnreadableError
from media.sidecars.checksum_lists import ChecksumEntry, read_checksum_list, read_mhl

MD5 = "d41d8cd98f00b204e9800998ecf8427e"
SHA1 = "da39a3ee5e6b4b0d3255bfef95601890afd80709"

LINES: dict[str, tuple[str, list[str]]] = {
    "text mode": (f"{MD5}  a.mov", ["a.mov"]),
    "binary mode": (f"{MD5} *a.mov", ["a.mov"]),
    "a star in the name, text mode": (f"{MD5}  *a.mov", ["*a.mov"]),
    "a star in the name, binary mode": (f"{MD5} **a.mov", ["*a.mov"]),
    "one blank": (f"{MD5} a.mov", ["a.mov"]),
    "a tab": (f"{MD5}\ta.mov", ["a.mov"]),
    "BSD": (f"MD5 (a (1).mov) = {MD5}", ["a (1).mov"]),
    "a folder": (f"{MD5}  ./Clips/a.mov", ["Clips/a.mov"]),
    "blanks in a name": (f"{MD5}  Day 1/a  b.mov", ["Day 1/a  b.mov"]),
    "capital digits": (f"{MD5.upper()}  a.mov", ["a.mov"]),
    "only a sum": (MD5, ["a.mov"]),
    "comments and blank lines": (f"# made by hand\n\n; old\n{MD5}  a.mov\n", ["a.mov"]),
    "line ends of Windows": (f"{MD5}  a.mov\r\n{MD5}  b.mov\r\n", ["a.mov", "b.mov"]),
    "line ends of an old Mac": (f"{MD5}  a.mov\r{MD5}  b.mov", ["a.mov", "b.mov"]),
    "a byte order mark": (f"\ufeff{MD5}  a.mov", ["a.mov"]),
    "a line separator in a name": (f"{MD5}  a\u2028b.mov", ["a\u2028b.mov"]),
    "an escaped line break": (f"\\{MD5}  a\\nb.mov", ["a\nb.mov"]),
    "an escaped backslash": (f"\\{MD5}  a\\\\b.mov", ["a\\b.mov"]),
    "an escaped backslash before an n": (f"\\{MD5}  a\\\\nb.mov", ["a\\nb.mov"]),
    "a backslash that is not escaped": (f"{MD5}  a\\nb.mov", ["a\\nb.mov"]),
}


@pytest.mark.parametrize("name", LINES)
def test_every_line_is_a_sum_and_a_file(name: str) -> None:
    text, paths = LINES[name]
    assert read_checksum_list(text.encode(), "a.mov.md5") == [ChecksumEntry(path, "md5", MD5) for path in paths]


@pytest.mark.parametrize(
    "text", ["", "# nothing\n", f"{SHA1}  a.mov", "a.mov", f"{MD5[:-1]}g  a.mov", f"MD5 (a) = {SHA1}"]
)
def test_what_is_no_sum_of_the_kind_is_refused(text: str) -> None:
    with pytest.raises(UnreadableError, match="is no list of md5 sums"):
        read_checksum_list(text.encode(), "a.md5")


def hashes(*lines: str) -> bytes:
    return f"<hashlist version='1.1'>{''.join(f'<hash>{line}</hash>' for line in lines)}</hashlist>".encode()


MHL: dict[str, tuple[str, ChecksumEntry]] = {
    "first generation": (
        f"<file>a.mov</file><size>5</size><md5>{MD5}</md5>",
        ChecksumEntry("a.mov", "md5", MD5, 5),
    ),
    "second generation": (f"<path size='5'>a.mov</path><md5>{MD5}</md5>", ChecksumEntry("a.mov", "md5", MD5, 5)),
    "the first sum that is checked": (
        f"<file>a.mov</file><c4>c4x</c4><sha1>{SHA1}</sha1><md5>{MD5}</md5>",
        ChecksumEntry("a.mov", "sha1", SHA1),
    ),
    "a decimal xxHash": ("<file>a.mov</file><xxhash>255</xxhash>", ChecksumEntry("a.mov", "xxh32", "000000ff")),
    "a hexadecimal xxHash": (
        "<file>a.mov</file><xxhash>00000255</xxhash>",
        ChecksumEntry("a.mov", "xxh32", "00000255"),
    ),
    "a size that is none": (f"<file>a</file><size>x</size><md5>{MD5}</md5>", ChecksumEntry("a", "md5", MD5)),
}


@pytest.mark.parametrize("name", MHL)
def test_a_media_hash_list_gives_path_and_sum(name: str) -> None:
    line, expected = MHL[name]
    assert read_mhl(hashes(line, "<file>no.sum</file>")) == [expected]


@pytest.mark.parametrize("content", [hashes(), hashes("<file>a.mov</file>"), b"<list/>"])
def test_a_media_hash_list_without_sums_is_refused(content: bytes) -> None:
    with pytest.raises(UnreadableError, match="media hash list"):
        read_mhl(content)
