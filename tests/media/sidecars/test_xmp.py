"""Values of XMP by their keys and paths, of every way in which RDF writes them."""

import pytest

from media.sidecars.bounded_xml import parse_xml
from media.sidecars.xmp import XmpProperties, read_xmp

NAMESPACES = " ".join(
    f'xmlns:{prefix}="{space}"'
    for prefix, space in {
        "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
        "dc": "http://purl.org/dc/elements/1.1/",
        "mm": "http://ns.adobe.com/xap/1.0/mm/",
        "e": "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#",
        "r": "http://ns.adobe.com/xap/1.0/sType/ResourceRef#",
        "xmpDM": "http://ns.adobe.com/xmp/1.0/DynamicMedia/",
        "my": "http://my.example/ns/",
    }.items()
)
HISTORY = {
    "xmpMM:History[1]/stEvt:action": ["created"],
    "xmpMM:History[1]/stEvt:when": ["2024"],
    "xmpMM:History[2]/stEvt:action": ["saved"],
}
XMP: dict[str, tuple[str, dict[str, list[str]]]] = {
    "a sequence of structures": (
        '<mm:History><rdf:Seq><rdf:li rdf:parseType="Resource"><e:action>created</e:action><e:when>2024</e:when>'
        '</rdf:li><rdf:li rdf:parseType="Resource"><e:action>saved</e:action></rdf:li></rdf:Seq></mm:History>',
        HISTORY,
    ),
    "structures as attributes": (
        '<mm:History><rdf:Seq><rdf:li e:action="created" e:when="2024"/><rdf:li e:action="saved"/></rdf:Seq>'
        "</mm:History>",
        HISTORY,
    ),
    "structures as descriptions": (
        '<mm:History><rdf:Seq><rdf:li><rdf:Description e:action="created"><e:when>2024</e:when></rdf:Description>'
        "</rdf:li><rdf:li><rdf:Description><e:action>saved</e:action></rdf:Description></rdf:li></rdf:Seq></mm:History>",
        HISTORY,
    ),
    "one structure": (
        '<mm:DerivedFrom r:instanceID="x" r:documentID="y"/>',
        {"xmpMM:DerivedFrom/stRef:instanceID": ["x"], "xmpMM:DerivedFrom/stRef:documentID": ["y"]},
    ),
    "lists in structures in lists": (
        '<my:A><rdf:Bag><rdf:li rdf:parseType="Resource"><my:b rdf:parseType="Resource"><my:c><rdf:Bag>'
        "<rdf:li>1</rdf:li><rdf:li>2</rdf:li></rdf:Bag></my:c></my:b></rdf:li></rdf:Bag></my:A>",
        {"my:A[1]/my:b/my:c": ["1", "2"]},
    ),
    "alternatives that are structures": (
        '<my:A><rdf:Alt><rdf:li rdf:parseType="Resource"><my:w>1</my:w></rdf:li><rdf:li my:w="2"/></rdf:Alt></my:A>',
        {"my:A[1]/my:w": ["1"], "my:A[2]/my:w": ["2"]},
    ),
    "a timecode as attributes": (
        '<xmpDM:startTimecode xmpDM:timeFormat="25Timecode" xmpDM:timeValue="10:00:00:00"/>',
        {"xmpDM:startTimecode": ["10:00:00:00"], "xmpDM:startTimecode/xmpDM:timeFormat": ["25Timecode"]},
    ),
    "qualifiers": (
        '<my:A rdf:parseType="Resource"><rdf:value>1</rdf:value><my:q>2</my:q></my:A><my:B rdf:value="3" my:q="4"/>'
        '<my:C><rdf:Bag><rdf:li>5</rdf:li><rdf:li><rdf:Description rdf:value="6" my:q="7"/></rdf:li></rdf:Bag></my:C>',
        {
            **{"my:A": ["1"], "my:B": ["3"], "my:C": ["5", "6"]},
            **{"my:A/?my:q": ["2"], "my:B/?my:q": ["4"], "my:C[2]/?my:q": ["7"]},
        },
    ),
    "a qualified list": (
        '<my:A rdf:parseType="Resource"><rdf:value><rdf:Bag><rdf:li>1</rdf:li><rdf:li>2</rdf:li></rdf:Bag></rdf:value>'
        "<my:q>3</my:q></my:A>",
        {"my:A": ["1", "2"], "my:A/?my:q": ["3"]},
    ),
    "languages": (
        '<dc:title><rdf:Alt><rdf:li xml:lang="de">Hafen</rdf:li><rdf:li xml:lang="x-default">Port</rdf:li></rdf:Alt>'
        "</dc:title>",
        {"dc:title": ["Port"], "dc:title-de": ["Hafen"]},
    ),
    "alternatives without a language": (
        "<my:A><rdf:Alt><rdf:li>1</rdf:li><rdf:li>2</rdf:li></rdf:Alt></my:A>",
        {"my:A": ["1"], "my:A[2]": ["2"]},
    ),
    "an address": ('<my:A rdf:resource="http://a.example/"/>', {"my:A": ["http://a.example/"]}),
    "a namespace without a prefix": (
        '<A xmlns="http://other.example/">1</A>',
        {"{http://other.example/}A": ["1"]},
    ),
    "empty structures": ('<my:A rdf:parseType="Resource"/><my:B><rdf:Bag/></my:B>', {}),
}


def read(properties: str) -> XmpProperties:
    return read_xmp(
        parse_xml(f"<rdf:RDF {NAMESPACES}><rdf:Description>{properties}</rdf:Description></rdf:RDF>".encode())
    )


@pytest.mark.parametrize("kind", XMP)
def test_every_value_has_a_path(kind: str) -> None:
    content, words = XMP[kind]
    assert read(content) == XmpProperties(words, [])


@pytest.mark.parametrize(
    ("many", "kept", "left_out"),
    [
        ('<rdf:li e:action="a"/>', 999, 501),
        ("<rdf:li>{}</rdf:li>", 1_000, 500),
        ('<rdf:li xml:lang="{}">a</rdf:li>', 999, 501),
        (f'<rdf:li e:{"long" * 300}="a"/>', 0, 1_500),
        (f"<rdf:li><e:{'long' * 300}><rdf:Bag><rdf:li>a</rdf:li></rdf:Bag></e:{'long' * 300}></rdf:li>", 0, 1_500),
    ],
    ids=["structures", "values", "languages", "long names", "structures below long names"],
)
def test_what_is_too_much_is_counted_and_costs_nothing_else(many: str, kept: int, left_out: int) -> None:
    items = "".join(many.format(number) for number in range(1_500))
    history = f"<mm:History><rdf:Alt>{items}</rdf:Alt></mm:History>".replace("Alt", "Alt" if "lang" in many else "Seq")
    found = read(f"{history}<dc:format>a</dc:format>")
    assert found.words.pop("dc:format") == ["a"]
    assert sum(map(len, found.words.values())) == kept
    (note,) = found.notes
    assert note.startswith(
        f"{left_out:,} values left out; at most 1,000 fields are read, each with 1,000 values of 100,000 ch"
    )
