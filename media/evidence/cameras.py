"""Indexes of camera cards: Panasonic P2, Sony XAVC, XDCAM and XDCAM EX, AVCHD, and Avid logs of reels."""

import posixpath
import re
from collections.abc import Callable, Iterator
from urllib.parse import unquote

from media.evidence.statements import Aspect, FileStatement, Finding, Need, Statement, resolve_beside
from media.sandbox.protocol import UnreadableError
from media.sidecars.bounded_xml import XmlNode, parse_xml
from media.sidecars.limits import MAX_CHECKSUM_ENTRIES, require_at_most
from media.sidecars.tables import read_ale

IndexReader = Callable[[bytes, str], Statement]

P2_CLIP_NAME = re.compile(r"[0-9]{4}[0-9A-Z]{2}")
P2_ESSENCES = frozenset({"MXF", "MP4", "MOV", "WAV"})
P2_PICTURES = frozenset({"BMP", "JPG", "PNG"})
CARD_ELEMENTS = 400_000
"""Elements of an index of a whole card: 10,000 clips of an XAVC card are 60,000."""
AVCHD_ITEM = re.compile(rb"(\d{5})M2TS")
MAX_DIGITS = 12
FRAME_RATE = re.compile(r"(\d+(?:\.\d+)?)([pi]?)")
NTSC_RATES = {"23.97": "24000/1001", "23.98": "24000/1001", "29.97": "30000/1001", "59.94": "60000/1001"}


def read_p2_clip(content: bytes, path: str) -> Statement:
    """Read `CONTENTS/CLIP/id.XML`: picture, sounds, icon and proxy of a clip, the bytes of each, and its next part."""
    clip = parse_xml(content).find("ClipContent")
    if clip is None:
        raise UnreadableError("is no clip of a P2 card: it has no ClipContent")
    name = clip.text_of("ClipName") or posixpath.splitext(posixpath.basename(path))[0]
    contents = posixpath.dirname(posixpath.dirname(path))
    frames, rate = _count(clip.text_of("Duration")), _edit_rate(clip.text_of("EditUnit") or "")
    following = clip.text_of("Relation/Connection/Next/GlobalClipID")
    needs = (
        (Need(following, Aspect.ORDER, f"clip {name} goes on in another one, which is not here"),) if following else ()
    )
    files = tuple(
        FileStatement(
            posixpath.join(contents, below), least=least, frames=frames if below[0] in "VA" else None, rate=rate
        )
        for below, least in _p2_files(clip, name)
    )
    root = posixpath.dirname(contents)
    own = clip.text_of("GlobalClipID")
    return Statement("P2 clip", path, root, files, (own,) if own else (), needs)


def _p2_files(clip: XmlNode, name: str) -> Iterator[tuple[str, int | None]]:
    essences = clip.find("EssenceList")
    sounds = 0
    for essence in essences.children if essences is not None else ():
        kind = (essence.text_of(f"{essence.name}Format") or "MXF").upper()
        if kind not in P2_ESSENCES:
            continue
        if essence.name == "Video":
            yield f"VIDEO/{name}.{kind}", _essence_end(essence, "VideoIndex")
        elif essence.name == "Audio":
            yield f"AUDIO/{name}{sounds:02}.{kind}", _essence_end(essence, "AudioIndex")
            sounds += 1
    for node in clip.walk():
        word = node.text.strip().upper()
        if node.name == "ThumbnailFormat" and word in P2_PICTURES:
            yield f"ICON/{name}.{word}", None
        elif node.name == "ProxyFormat" and word in P2_ESSENCES:
            yield f"PROXY/{name}.{word}", None


def _essence_end(essence: XmlNode, index: str) -> int | None:
    start, size = (_count(essence.text_of(f"{index}/{word}")) for word in ("StartByteOffset", "DataSize"))
    return (start or 0) + size if size else None


def read_last_p2_clip(content: bytes, path: str) -> Statement:
    """Read `LASTCLIP.TXT`: the name of the clip that was recorded last."""
    words = content[:200].decode("ascii", "replace").split()
    if not words or not P2_CLIP_NAME.fullmatch(words[0].upper()):
        raise UnreadableError("names no clip of a P2 card in its first line")
    root, name = posixpath.dirname(path), words[0].upper()
    clip = posixpath.join(root, "CONTENTS/CLIP", f"{name}.XML")
    return Statement("P2 last clip", path, root, (FileStatement(clip),), last=name)


def read_sony_profile(content: bytes, path: str) -> Statement:
    """Read `MEDIAPRO.XML` of XAVC, XDCAM and XDCAM EX: every file of every clip, and how long the clips are."""
    root = parse_xml(content, CARD_ELEMENTS)
    if root.name != "MediaProfile":
        raise UnreadableError(f'is no media profile: it begins with "{root.name[:80]}"')
    files = [
        _stated_file(path, unquote(node.attributes["uri"]), node) for node in root.walk() if node.attributes.get("uri")
    ]
    return _card_statement("Sony media profile", path, files)


def read_disc_index(content: bytes, path: str) -> Statement:
    """Read `INDEX.XML` of an XDCAM disc: the clips in the table of each folder."""
    root = parse_xml(content, CARD_ELEMENTS)
    if root.name != "indexFile":
        raise UnreadableError(f'is no index of a disc: it begins with "{root.name[:80]}"')
    files = []
    for table in root.children:
        folder = table.attributes.get("path", "").strip("/")
        for node in table.walk():
            name = node.attributes.get("file")
            if name:
                place = "Sub" if node.name == "subStream" else folder
                files.append(_stated_file(path, posixpath.join(place, name), node))
    return _card_statement("XDCAM disc index", path, files)


def _stated_file(index: str, written: str, node: XmlNode) -> FileStatement | None:
    found = resolve_beside(index, written.removeprefix("/"))
    if found is None:
        return None
    frames, rate = _count(node.attributes.get("dur")), _frame_rate(node.attributes.get("fps", ""))
    return FileStatement(found, frames=frames if rate else None, rate=rate if frames else "")


def _card_statement(kind: str, path: str, files: list[FileStatement | None]) -> Statement:
    """Return the statement of an index that names all clips; what leads out of the card is a gap."""
    named = tuple(one for one in files if one is not None)
    reason = "names files outside of its card, which are not looked for"
    gaps = () if len(named) == len(files) else (Finding(Aspect.PRESENCE, path, reason),)
    return Statement(kind, path, posixpath.dirname(path), named, is_complete=True, gaps=gaps)


def read_avchd_playlist(content: bytes, path: str) -> Statement:
    """Read `PLAYLIST/nnnnn.MPL`: the streams that it plays, each with its clip information."""
    if not content.startswith(b"MPLS"):
        raise UnreadableError("is no playlist of a BDMV: it does not begin with MPLS")
    root = posixpath.dirname(posixpath.dirname(path))
    if posixpath.basename(root).upper() == "BACKUP":
        root = posixpath.dirname(root)
    ids = list(dict.fromkeys(found[1].decode() for found in AVCHD_ITEM.finditer(content)))
    require_at_most(len(ids), MAX_CHECKSUM_ENTRIES, "clips")
    names = [(posixpath.join(root, "STREAM", one), (".MTS", ".M2TS", ".mts", ".m2ts")) for one in ids]
    names += [(posixpath.join(root, "CLIPINF", one), (".CPI", ".CLPI", ".cpi", ".clpi")) for one in ids]
    files = tuple(FileStatement(base + endings[0], tuple(base + one for one in endings[1:])) for base, endings in names)
    return Statement("AVCHD playlist", path, root, files)


def read_reel_log(content: bytes, path: str) -> Statement:
    """Read an Avid log (ALE): the clips of a reel."""
    files = tuple(FileStatement(clip=posixpath.basename(row.name or "")) for row in read_ale(content) if row.name)
    return Statement("Avid log", path, posixpath.dirname(path), files, is_complete=True, is_outside=True)


def _count(text: str | None) -> int | None:
    digits = (text or "").strip()
    return int(digits) if digits.isdecimal() and digits.isascii() and len(digits) <= MAX_DIGITS else None


def _edit_rate(unit: str) -> str:
    """Return frames per second from the seconds of a frame: `1001/30000`."""
    numerator, _, denominator = unit.strip().partition("/")
    return f"{denominator}/{numerator}" if _count(numerator) and _count(denominator) else ""


def _frame_rate(text: str) -> str:
    """Return frames per second of `25p`, `59.94i`; an interlaced rate counts fields."""
    found = FRAME_RATE.fullmatch(text.strip())
    if found is None or not float(found[1]):
        return ""
    rate = NTSC_RATES.get(found[1], found[1])
    if found[2] != "i":
        return rate
    return {"60000/1001": "30000/1001", "50": "25", "60": "30"}.get(rate, rate)
