"""Lines of a text of any size, as bytes, with the line ends of any system."""

import codecs
from collections.abc import Iterator
from typing import BinaryIO

TEXT_READ_BYTES = 1 << 20
UTF16_MARKS = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
MAX_LINE_BYTES = 1 << 20


def read_byte_lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield the lines without their ends; UTF-16 becomes UTF-8, any other text is not decoded.

    A text without a line feed in its first megabyte has the line ends of an old Mac. Elsewhere a carriage return is
    dropped at the end of a line only: it may be part of a name.
    """
    left, end = b"", b""
    for piece in _read_pieces(file):
        end = end or (b"\n" if b"\n" in piece or b"\r" not in piece else b"\r")
        *lines, left = (left + piece).split(end)
        for line in lines:
            yield line.removesuffix(b"\r").lstrip(b" \t")
        if len(left) > MAX_LINE_BYTES:
            break
    if left:
        yield left.removesuffix(b"\r").lstrip(b" \t")


def _read_pieces(file: BinaryIO) -> Iterator[bytes]:
    """Yield the text in pieces, without a byte order mark."""
    piece = file.read(TEXT_READ_BYTES)
    codec = UTF16_MARKS.get(piece[:2]) or _guess_utf16(piece[:1_000])
    decoder = codecs.getincrementaldecoder(codec)("replace") if codec else None
    while piece:
        if decoder is None:
            yield piece.removeprefix(codecs.BOM_UTF8)
        else:
            yield decoder.decode(piece).removeprefix("\ufeff").replace("\0", "").encode("utf-8", "replace")
        piece = file.read(TEXT_READ_BYTES)


def _guess_utf16(sample: bytes) -> str | None:
    """Return the codec of a text of which many bytes are zero, as Latin text in UTF-16 has them."""
    if sample.count(0) <= len(sample) // 4:
        return None
    return "utf-16-be" if sample[0] == 0 else "utf-16-le"
