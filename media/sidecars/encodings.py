"""Decoding of XML: by byte order mark or declaration, else by content."""

import codecs
import re

from media.probe.captions import decode_text
from media.sandbox.protocol import UnreadableError

XML_DECLARATION = re.compile(rb"""\A\s*<\?xml[^>]{0,200}?\sencoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
BYTE_ORDER_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
XML_CODECS = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "us-ascii": "ascii",
    "ascii": "ascii",
    "iso-8859-1": "latin-1",
    "latin1": "latin-1",
    "iso-8859-15": "iso8859-15",
    "windows-1252": "cp1252",
    "cp1252": "cp1252",
    "utf-16": "utf-16",
}
"""Codecs by declared name. Codecs are Python modules, which a sandboxed process cannot open: they are loaded before."""


def load_codecs() -> None:
    """Load all codecs that may be needed."""
    for name in (*XML_CODECS.values(), "utf-16-le", "utf-16-be", "utf-8-sig"):
        codecs.lookup(name)


def decode_xml(content: bytes) -> str:
    """Decode an XML file. A byte order mark takes precedence over the declaration, as in the standard."""
    declared = XML_DECLARATION.match(content[:400])
    if content.startswith(BYTE_ORDER_MARKS) or declared is None or b"\0" in content[:200]:
        return decode_text(content)
    name = declared[1].decode("ascii")
    codec = XML_CODECS.get(name.lower())
    if codec is None:
        raise UnreadableError(f'says that it is written in "{name}", which is not read; write it in UTF-8')
    try:
        return content.decode(codec)
    except UnicodeDecodeError:
        return decode_text(content)
