"""Takes on Sony cards: what was recorded at once, in clips that may lie on several cards.

On every card but the last one, the list of a take has a number, counted from 01: `TAKR/709_0003/709_0003U01.SMI` of
XDCAM EX, `Take/T0001U01.SMI` in the folder XDROOT. On the last card it has none: `709_0003.SMI`. MEDIAPRO.XML names the
clips of a take as its components, by their UMID. So do `XDCAMEX_Handler.cpp` and `XDCAMFAM_Handler.cpp` of Adobe's XMP
Toolkit read them.
"""

import re
from collections.abc import Iterator, Sequence
from urllib.parse import unquote

from media.evidence.statements import Aspect, Need, Statement
from media.sidecars.bounded_xml import XmlNode

EX_TAKE = r"BPAV/TAKR/(?P<folder>[^/]+)/(?P<name>(?P=folder))(?:U(?P<part>\d\d))?"
DISC_TAKE = r"XDROOT/Take/(?P<name>[^/]+?)(?:U(?P<part>\d\d))?"
TAKE_LISTS = tuple(re.compile(rf"(?P<root>(?:.*/)?){one}\.SMI", re.I | re.S) for one in (EX_TAKE, DISC_TAKE))
TAKE_FOLDER = re.compile(r"(?:\./|/)?(?:TAKR|Take)/", re.I)
ELSEWHERE = "on another card, which is not here; ask about a folder that holds all cards of it"


def state_takes(paths: Sequence[str]) -> Iterator[Statement]:
    """Yield what the names of the lists of takes state: that a take goes on, and is whole with its last list."""
    lists = [path for path in paths if path[-4:].upper() == ".SMI"]
    found = [one for path in lists for pattern in TAKE_LISTS if (one := pattern.fullmatch(path)) is not None]
    known = {path.upper() for path in paths if path[-4:].upper() == ".XML"} if found else set()
    for one in sorted(found, key=lambda match: match[0]):
        take, part = one["name"], one["part"]
        if part is not None and f"{one[0][:-4]}M01.XML".upper() in known:
            take, part = f"{take}U{part}", None  # its own name ends so: lists with a number have no metadata
        if part is None:
            yield Statement("Sony take", one[0], one["root"].rstrip("/"), ids=(_take_id(take),))
            continue
        needs = [Need(_take_id(take), Aspect.ORDER, f"take {take} goes on {ELSEWHERE}")]
        if int(part) > 1:
            before = f"{int(part) - 1:02}"
            needs.append(Need(_take_id(take, before), Aspect.ORDER, f"part {before} of take {take} is {ELSEWHERE}"))
        yield Statement("Sony take", one[0], one["root"].rstrip("/"), ids=(_take_id(take, part),), needs=tuple(needs))


def _take_id(take: str, part: str = "") -> str:
    return f"take {take} {part}".strip().upper()


def parts_of_takes(profile: XmlNode) -> dict[int, Need]:
    """Return the components of all takes of a media profile, by the identity of their elements. They may be on another
    card, so their names are of no file here."""
    return {
        id(part): Need(part.attributes.get("umid", "").upper(), Aspect.ORDER, f"take {name} has a clip {ELSEWHERE}")
        for material in profile.walk()
        if material.name == "Material" and TAKE_FOLDER.match(uri := unquote(material.attributes.get("uri", "")))
        for name in (uri.rpartition("/")[2].rpartition(".")[0],)
        for part in material.children
        if part.name == "Component"
    }
