"""Encodings of XML: the byte order mark, the declaration, or else the content decides."""

import pytest

from media.sandbox.protocol import UnreadableError
from media.sidecars.bounded_xml import decode_xml

TEXT = "<a>Köln</a>"


@pytest.mark.parametrize(
    ("declared", "codec"),
    [
        (None, "utf-8"),
        ("UTF-8", "utf-8"),
        ("iso-8859-1", "latin-1"),
        ("Windows-1252", "cp1252"),
        ("UTF-16", "utf-16"),
        (None, "utf-8-sig"),
        ("iso-8859-1", "utf-8-sig"),
        ("UTF-8", "latin-1"),
    ],
    ids=[
        "none",
        "UTF-8",
        "Latin 1",
        "Windows",
        "UTF-16",
        "mark",
        "a mark against the declaration",
        "a false declaration",
    ],
)
def test_xml_is_decoded(declared: str | None, codec: str) -> None:
    head = "" if declared is None else f'<?xml version="1.0" encoding="{declared}"?>'
    assert decode_xml((head + TEXT).encode(codec)) == head + TEXT


def test_an_encoding_that_is_not_read_is_named() -> None:
    with pytest.raises(UnreadableError, match='is written in "EBCDIC-US", which is not read'):
        decode_xml(b'<?xml version="1.0" encoding="EBCDIC-US"?><a/>')
