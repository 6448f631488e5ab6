"""Times of TTML, where ttconv 1.2.3 reads others than are written, or none."""

from xml.etree.ElementTree import Element

from ttconv.imsc.attributes import TemporalAttributeParsingContext, parse_time_expression

TTML_NAMESPACE = "http://www.w3.org/ns/ttml"
DIV, P, SPAN = (f"{{{TTML_NAMESPACE}}}{name}" for name in ("div", "p", "span"))
BLOCKS = (f"{{{TTML_NAMESPACE}}}body", DIV)
RUBY = f"{{{TTML_NAMESPACE}#styling}}ruby"


def remove_untimed(outer: Element) -> int:
    """Remove elements with times that are none, and return their number; ttconv drops such a time alone."""
    count = 0
    for inner in list(outer):
        times = filter(None, (inner.get(name) for name in ("begin", "end", "dur")))
        if inner.tag in (*BLOCKS, P) and not all(map(_is_time, times)):
            outer.remove(inner)
            count += 1
        else:
            count += remove_untimed(inner)
    return count


def _is_time(written: str) -> bool:
    try:
        parse_time_expression(TemporalAttributeParsingContext(), written, strict=False)
    except ValueError:
        return False
    return True


def nest_timed(outer: Element, *, is_in_sequence: bool = False) -> None:
    """Put what is in an element that begins later, and says no end, into a sequence of one.

    By the specification the times in an element count from its begin, and the last of them is its end. ttconv adds the
    begin to that end in sequences alone: elsewhere the end is too early, and cuts or hides what is in the element.
    """
    is_sequence = outer.get("timeContainer") == "seq"
    for inner in outer:
        nest_timed(inner, is_in_sequence=is_sequence)
    begins_later = is_in_sequence or "begin" in outer.attrib
    says_end = "end" in outer.attrib or "dur" in outer.attrib
    if begins_later and not says_end and not is_sequence and _ends_with_content(outer):
        nested = Element(DIV if outer.tag in BLOCKS else SPAN)
        nested[:] = outer[:]
        outer[:] = [nested]
        outer.set("timeContainer", "seq")


def _ends_with_content(outer: Element) -> bool:
    """Whether an element ends with the elements in it; text of its own has no end."""
    if outer.tag in BLOCKS:
        return len(outer) > 0
    has_text = outer.text is not None or any(inner.tail is not None for inner in outer)
    return (
        outer.tag in (P, SPAN) and len(outer) > 0 and not has_text and not any(RUBY in inner.attrib for inner in outer)
    )
