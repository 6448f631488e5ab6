"""XML parsed into a tree of bounded size, without external or custom entities.

Expat fetches nothing, and a file that declares entities is rejected before it can use one, so nothing expands. This
module adds limits for untrusted files: elements, depth and text are counted while parsing, not afterwards.
"""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, NoReturn
from xml.parsers import expat

from media.probe.captions import decode_text, find_unicode_codec
from media.sandbox.protocol import UnreadableError
from media.sidecars.limits import MAX_SIDECAR_TEXT_CHARACTERS, MAX_XML_DEPTH, MAX_XML_ELEMENTS, require_at_most

XML_DECLARATION = re.compile(rb"""\A\s*<\?xml[^>]{0,200}?\sencoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
CODEC_CHECK_BYTES = 1 << 20
MAX_XML_NAMESPACES = 200
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
    codec = _find_stated_codec(content)
    return decode_text(content) if codec is None else content.decode(codec)


def is_encoding_guessed(content: bytes) -> bool:
    """Whether a text, which may be XML, is neither Unicode nor in the encoding that it states."""
    return _find_stated_codec(content) is None and find_unicode_codec(content) is None


def _find_stated_codec(content: bytes) -> str | None:
    """Return the codec that XML declares; None if there is none, or a wrong one."""
    declared = XML_DECLARATION.match(content[:400])
    if content.startswith(BYTE_ORDER_MARKS) or declared is None or b"\0" in content[:200]:
        return None
    codec = _declared_codec(declared[1].decode("ascii"))
    try:
        content.decode(codec)
    except UnicodeDecodeError:
        return None
    return codec


def guess_xml_codec(file: BinaryIO) -> str:
    """Return the codec of an open XML file by the rules of `decode_xml`, leaving the file at its beginning."""
    head = file.read(1_000)
    declared = XML_DECLARATION.match(head[:400])
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        codec = "utf-16"
    elif head.count(0) > len(head) // 4:
        codec = "utf-16-be" if head[0] == 0 else "utf-16-le"
    elif declared is None or head.startswith(codecs.BOM_UTF8):
        codec = "utf-8"
    else:
        codec = _declared_codec(declared[1].decode("ascii"))
    file.seek(0)
    decoder = codecs.getincrementaldecoder(codec)("strict")
    try:
        while piece := file.read(CODEC_CHECK_BYTES):
            decoder.decode(piece)
    except UnicodeDecodeError:
        codec = codec if codec.startswith("utf-16") else "cp1252"
    file.seek(0)
    return codec


def _declared_codec(name: str) -> str:
    codec = XML_CODECS.get(name.lower())
    if codec is None:
        raise UnreadableError(f'says that it is written in "{name}", which is not read; write it in UTF-8')
    return codec


@dataclass(slots=True)
class XmlNode:
    """One element; `space` is its namespace URI."""

    space: str
    name: str
    attributes: dict[str, str]
    """By name; an attribute of another namespace than its element is stored as `URI NAME`."""
    children: list["XmlNode"] = field(default_factory=list)
    text: str = ""
    prefixes: dict[str, str] = field(default_factory=dict)
    """Of the root only: the first prefix that the file declares for each namespace."""

    def find(self, path: str) -> "XmlNode | None":
        """Return the first element at a path of names, in any namespace."""
        node: XmlNode | None = self
        for name in path.split("/"):
            node = next((child for child in node.children if child.name == name), None) if node else None
        return node

    def text_of(self, path: str) -> str | None:
        """Return the text of the first element at a path."""
        node = self.find(path)
        return node.text.strip() if node is not None else None

    def attribute_of(self, path: str, name: str) -> str | None:
        """Return an attribute of the first element at a path."""
        node = self.find(path)
        return node.attributes.get(name) if node is not None else None

    def walk(self) -> Iterator["XmlNode"]:
        """Yield this element and all below it, in document order."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(reversed(node.children))


def parse_xml(content: bytes, most_elements: int = MAX_XML_ELEMENTS) -> XmlNode:
    """Parse XML and return its root. UnreadableError says what is wrong."""
    builder = _Builder(most_elements)
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.add_text
    parser.StartNamespaceDeclHandler = builder.declare
    refuse_declarations(parser)
    try:
        parser.Parse(decode_xml(content).strip().encode("utf-8", "replace").decode(), True)
    except expat.ExpatError as error:
        raise UnreadableError(describe_xml_error(error)) from None
    if builder.root is None:
        raise UnreadableError("is no XML that can be read: it is empty")
    builder.root.prefixes = builder.prefixes
    return builder.root


def describe_xml_error(error: expat.ExpatError) -> str:
    """Describe an error of the parser."""
    return f"is no XML that can be read: {expat.ErrorString(error.code)} in line {error.lineno:,}"


def refuse_declarations(parser: expat.XMLParserType) -> None:
    """Have a parser reject entities and document types with rules of their own."""
    parser.EntityDeclHandler = _refuse_entities
    parser.StartDoctypeDeclHandler = _refuse_own_rules


def _refuse_entities(*_: object) -> NoReturn:
    raise UnreadableError("declares entities, which can expand without limit; it is not read")


def _refuse_own_rules(_name: str, _system: str | None, _public: str | None, has_rules: int) -> None:
    """Accept a DOCTYPE that only names its kind: it is harmless."""
    if has_rules:
        _refuse_entities()


class _Builder:
    """Builds the tree from parser events."""

    def __init__(self, most_elements: int) -> None:
        self.root: XmlNode | None = None
        self._most = most_elements
        self.prefixes: dict[str, str] = {}
        self._count = 0
        self._open: list[XmlNode] = []

    def declare(self, prefix: str | None, space: str | None) -> None:
        """Keep the prefix of a namespace."""
        if prefix and space and len(self.prefixes) < MAX_XML_NAMESPACES:
            self.prefixes.setdefault(space, prefix)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        require_at_most(self._count, self._most, "elements")
        require_at_most(len(self._open), MAX_XML_DEPTH, "elements inside of each other")
        space, _, local = name.rpartition(" ")
        node = XmlNode(space, local, attributes)
        if self._open:
            self._open[-1].children.append(node)
        else:
            self.root = node
        self._open.append(node)

    def end(self, _name: str) -> None:
        self._open.pop()

    def add_text(self, text: str) -> None:
        """Add text, ignoring blanks between elements. The limit is checked here, because each further part would copy
        the text."""
        if self._open and (self._open[-1].text or not text.isspace()):
            node = self._open[-1]
            node.text += text
            require_at_most(len(node.text), MAX_SIDECAR_TEXT_CHARACTERS, "characters in one element")
