"""XMP as written by Adobe's programs, photo managers and some cameras: properties of an RDF description.

Keys use the standard prefixes, such as `dc:title`, regardless of the prefixes in the file; of other namespaces the
prefixes that the file declares.
"""

from collections.abc import Mapping

from media.sandbox.protocol import UnreadableError
from media.sidecars.bounded_xml import XmlNode
from media.sidecars.limits import SidecarFields, add_values

RDF_NAMESPACE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
XML_LANG = "http://www.w3.org/XML/1998/namespace lang"
XMP_PREFIXES = {
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://ns.adobe.com/xap/1.0/": "xmp",
    "http://ns.adobe.com/xap/1.0/rights/": "xmpRights",
    "http://ns.adobe.com/xap/1.0/mm/": "xmpMM",
    "http://ns.adobe.com/xmp/1.0/DynamicMedia/": "xmpDM",
    "http://ns.adobe.com/photoshop/1.0/": "photoshop",
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


def is_xmp(root: XmlNode) -> bool:
    """Whether the content of a file is XMP."""
    return root.name == "xmpmeta" or (root.space, root.name) == (RDF_NAMESPACE, "RDF")


def read_xmp(root: XmlNode) -> SidecarFields:
    """Return the text properties; nested structures are private notes of editors and ignored."""
    rdf = root if root.name == "RDF" else root.find("RDF")
    if rdf is None:
        raise UnreadableError("is no XMP: it holds no rdf:RDF")
    words: SidecarFields = {}
    prefixes = {space: prefix for space, prefix in root.prefixes.items() if prefix} | XMP_PREFIXES
    for description in rdf.children:
        if description.name != "Description":
            continue
        for name, value in description.attributes.items():
            space, _, local = name.rpartition(" ")
            _add_property(words, prefixes, space, local, [value])
        for child in description.children:
            _add_property(words, prefixes, child.space, child.name, _node_values(child))
    return words


def _add_property(words: SidecarFields, prefixes: Mapping[str, str], space: str, name: str, values: list[str]) -> None:
    prefix = prefixes.get(space)
    if prefix is not None and space not in SYNTAX_NAMESPACES:
        add_values(words, f"{prefix}:{name}", values)


def _node_values(node: XmlNode) -> list[str]:
    """Return the values of a property: of a list, of a value with qualifiers, or of a timecode."""
    qualified = next((child for child in node.children if _is_value(child)), None)
    if qualified is not None:
        return [qualified.text]
    listed = next((child for child in node.children if child.space == RDF_NAMESPACE and child.name in RDF_LISTS), None)
    if listed is None:
        return [] if node.children else [node.text]
    items = [child for child in listed.children if child.name == "li"]
    if listed.name == "Alt":
        # Alternatives in several languages; XMP defines one as the default.
        items = sorted(items, key=lambda item: item.attributes.get(XML_LANG) != "x-default")[:1]
    return [value for item in items for value in _item_values(item)]


def _item_values(item: XmlNode) -> list[str]:
    if not item.children:
        return [item.text]
    return [child.text for child in item.children if _is_value(child)]


def _is_value(node: XmlNode) -> bool:
    """Whether an element holds the value of a structure: `rdf:value` beside qualifiers, `xmpDM:timeValue`."""
    return (node.space, node.name) == (RDF_NAMESPACE, "value") or node.name == "timeValue"
