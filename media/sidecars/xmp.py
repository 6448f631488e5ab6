"""XMP as written by Adobe's programs, photo managers and some cameras: properties of an RDF description.

Keys use the standard prefixes, such as `dc:title`, regardless of the prefixes in the file; of other namespaces the
prefixes that the file declares, or else their addresses in braces. Values inside of structures are known by the paths
of the standard: `xmpMM:History[1]/stEvt:action`, and `my:Client/?my:role` for a qualifier; texts in other languages
than the default as `dc:title-de`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from media.sandbox.protocol import UnreadableError
from media.sidecars.bounded_xml import XmlNode
from media.sidecars.limits import (
    MAX_SIDECAR_FIELDS,
    MAX_SIDECAR_TEXT_CHARACTERS,
    MAX_SIDECAR_VALUES,
    SidecarFields,
    add_values,
    describe_count,
)

RDF_NAMESPACE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDF_RESOURCE = f"{RDF_NAMESPACE} resource"
XML_LANG = "http://www.w3.org/XML/1998/namespace lang"
XMP_PREFIXES = {
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://ns.adobe.com/xap/1.0/": "xmp",
    "http://ns.adobe.com/xap/1.0/rights/": "xmpRights",
    "http://ns.adobe.com/xap/1.0/mm/": "xmpMM",
    "http://ns.adobe.com/xmp/1.0/DynamicMedia/": "xmpDM",
    "http://ns.adobe.com/photoshop/1.0/": "photoshop",
    "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#": "stEvt",
    "http://ns.adobe.com/xap/1.0/sType/ResourceRef#": "stRef",
    "http://ns.adobe.com/lightroom/1.0/": "lr",
    "http://ns.adobe.com/tiff/1.0/": "tiff",
    "http://ns.adobe.com/exif/1.0/": "exif",
    "http://ns.adobe.com/exif/1.0/aux/": "aux",
    "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/": "Iptc4xmpCore",
    "http://iptc.org/std/Iptc4xmpExt/2008-02-29/": "Iptc4xmpExt",
    "http://www.digikam.org/ns/1.0/": "digiKam",
    "http://darktable.sf.net/": "darktable",
}
SYNTAX_NAMESPACES = frozenset({RDF_NAMESPACE, "http://www.w3.org/XML/1998/namespace"})
RDF_LISTS = frozenset({"Bag", "Seq", "Alt"})
MAX_XMP_PATH_CHARACTERS = 1_000
VALUES_LEFT_OUT = (
    f"left out; at most {MAX_SIDECAR_FIELDS:,} fields are read, each with {MAX_SIDECAR_VALUES:,} values of "
    f"{MAX_SIDECAR_TEXT_CHARACTERS:,} characters"
)


def is_xmp(root: XmlNode) -> bool:
    """Whether the content of a file is XMP."""
    return root.name == "xmpmeta" or (root.space, root.name) == (RDF_NAMESPACE, "RDF")


@dataclass(frozen=True, slots=True)
class XmpProperties:
    """Values by key or path, and notes about what was left out."""

    words: SidecarFields
    notes: list[str]


def read_xmp(root: XmlNode) -> XmpProperties:
    """Return the properties.

    Histories and ancestors that editors write grow without limit: values inside of structures are kept as long as there
    is room beside the others, and the rest is counted.
    """
    rdf = root if root.name == "RDF" else root.find("RDF")
    if rdf is None:
        raise UnreadableError("is no XMP: it holds no rdf:RDF")
    reader = _PathReader({space: prefix for space, prefix in root.prefixes.items() if prefix} | XMP_PREFIXES)
    words: SidecarFields = {}
    inner: list[tuple[str, str]] = []
    left_out = 0
    for key, path, value in reader.read(rdf):
        if path == key:
            left_out += not _take(words, path, value)
        elif len(inner) < MAX_SIDECAR_FIELDS:
            inner.append((path, value))
        else:
            left_out += 1
    left_out += sum(not _take(words, path, value) for path, value in inner)
    return XmpProperties(words, describe_count(left_out, "value", VALUES_LEFT_OUT))


def _take(words: SidecarFields, path: str, value: str) -> bool:
    """Add a value, unless that passes a limit."""
    known = words.get(path)
    if len(path) > MAX_XMP_PATH_CHARACTERS or len(value) > MAX_SIDECAR_TEXT_CHARACTERS:
        return False
    if len(words) >= MAX_SIDECAR_FIELDS if known is None else len(known) >= MAX_SIDECAR_VALUES:
        return known is not None and value in known
    add_values(words, path, [value])
    return True


@dataclass(frozen=True, slots=True)
class _PathReader:
    """Finds the values of properties, and their paths."""

    prefixes: Mapping[str, str]

    def read(self, rdf: XmlNode) -> Iterator[tuple[str, str, str]]:
        """Yield the key of a property, and path and text of each of its values; the path of its own ones is the key."""
        for description in filter(_is_description, rdf.children):
            for one in filter(_is_property, _fields(description)):
                key = self._name(one)
                for path, value in self._values(key, key, one):
                    yield key, path, value

    def _values(self, own: str, path: str, node: XmlNode) -> Iterator[tuple[str, str]]:
        """Yield the values of an element, whose paths are `own`, and those in it, whose paths begin with `path`: all
        plain items of a list are values of one property."""
        for value in (node.text.strip(), node.attributes.get(RDF_RESOURCE, "").strip()):
            if value:
                yield own, value
        if not node.children and not node.attributes:
            return
        if len(path) > MAX_XMP_PATH_CHARACTERS:
            yield from ((path, child.name) for child in node.children)  # to be counted
            return
        for listed in filter(_is_list, node.children):
            yield from self._items(path, listed)
        joint = "/?" if any(_is_rdf(one, "value") for one in _fields(node)) else "/"
        for one in _fields(node):
            if _is_value(one):
                yield from self._values(own, path, one)
            elif _is_property(one):
                inner = f"{path}{joint}{self._name(one)}"
                yield from self._values(inner, inner, one)

    def _items(self, path: str, listed: XmlNode) -> Iterator[tuple[str, str]]:
        items = [child for child in listed.children if child.name == "li"]
        # Of alternatives in several languages XMP defines one as the default; the others are known by their language.
        has_default = listed.name == "Alt" and not any(map(_is_structure, items))
        if has_default:
            items.sort(key=lambda item: item.attributes.get(XML_LANG) != "x-default")
        for number, item in enumerate(items, start=1):
            inner = f"{path}[{number}]"
            language = item.attributes.get(XML_LANG)
            other = f"{path}-{language}" if language else inner
            yield from self._values(other if has_default and number > 1 else path, inner, item)

    def _name(self, node: XmlNode) -> str:
        prefix = self.prefixes.get(node.space)
        return f"{{{node.space}}}{node.name}" if prefix is None else f"{prefix}:{node.name}"


def _fields(node: XmlNode) -> Iterator[XmlNode]:
    """Yield the fields of a structure, which may be in an `rdf:Description`, and be attributes as well as elements."""
    for holder in (node, *filter(_is_description, node.children)):
        for name, value in holder.attributes.items():
            space, _, local = name.rpartition(" ")
            yield XmlNode(space, local, {}, text=value)
        yield from (child for child in holder.children if not _is_description(child))


def _is_rdf(node: XmlNode, name: str) -> bool:
    return (node.space, node.name) == (RDF_NAMESPACE, name)


def _is_description(node: XmlNode) -> bool:
    return _is_rdf(node, "Description")


def _is_list(node: XmlNode) -> bool:
    return node.space == RDF_NAMESPACE and node.name in RDF_LISTS


def _is_property(node: XmlNode) -> bool:
    return node.space != "" and node.space not in SYNTAX_NAMESPACES


def _is_structure(node: XmlNode) -> bool:
    return any(map(_is_property, _fields(node))) and not any(map(_is_value, _fields(node)))


def _is_value(node: XmlNode) -> bool:
    """Whether an element holds the value of a structure: `rdf:value` beside qualifiers, `xmpDM:timeValue`."""
    return _is_rdf(node, "value") or node.name == "timeValue"
