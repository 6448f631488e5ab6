"""Indexes of camera cards: Panasonic P2, Sony XAVC, XDCAM and XDCAM EX, and Avid logs of reels."""

import posixpath
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from urllib.parse import unquote

from media.evidence.statements import Aspect, FileStatement, Finding, Need, Statement, resolve_beside
from media.evidence.takes import parts_of_takes
from media.sandbox.protocol import UnreadableError
from media.sidecars.bounded_xml import XmlNode, parse_xml
from media.sidecars.tables import ClipRow, read_ale

IndexReader = Callable[[bytes, str], Statement]

P2_CLIP_NAME = re.compile(r"[0-9]{4}[0-9A-Z]{2}")
P2_ESSENCES = frozenset({"MXF", "MP4", "MOV", "WAV"})
P2_PICTURES = frozenset({"BMP", "JPG", "PNG"})
FILES_OF_CLIPS = frozenset({"mov", "mxf", "mp4", "wav", "mts", "m2ts", "braw", "avi", "mkv"})
"""Endings of files that are a clip alone."""
CARD_ELEMENTS = 400_000
"""Elements of an index of a whole card: 10,000 clips of an XAVC card are 60,000."""
DISC_PART = re.compile(r"(?P<clip>.+?)(?P<kind>[A-Za-z])\d\d\.\w+")
"""`C0001V01.MXF` is the picture of the clip `C0001`."""
MAX_DIGITS = 12
FRAME_RATE = re.compile(r"(\d+(?:\.\d+)?)([pi]?)")
NTSC_RATES = {"23.97": "24000/1001", "23.98": "24000/1001", "29.97": "30000/1001", "59.94": "60000/1001"}


def read_p2_clip(content: bytes, path: str) -> Statement:
    """Read `CONTENTS/CLIP/id.XML`: picture, sounds, icon and proxy of a clip, the bytes of each, and the parts before
    and after it, which may be on other cards."""
    clip = parse_xml(content).find("ClipContent")
    if clip is None:
        raise UnreadableError("is no clip of a P2 card: it has no ClipContent")
    name = clip.text_of("ClipName") or posixpath.splitext(posixpath.basename(path))[0]
    contents = posixpath.dirname(posixpath.dirname(path))
    frames, rate = _count(clip.text_of("Duration")), _edit_rate(clip.text_of("EditUnit") or "")
    files = tuple(
        FileStatement(
            posixpath.join(contents, below), least=least, frames=frames if below[0] in "VA" else None, rate=rate
        )
        for below, least in _p2_files(clip, name)
    )
    root = posixpath.dirname(contents)
    own = clip.text_of("GlobalClipID")
    return Statement("P2 clip", path, root, files, (own,) if own else (), tuple(_p2_connections(clip, name)))


def _p2_connections(clip: XmlNode, name: str) -> Iterator[Need]:
    """Yield the parts before and after a part of a spanned clip; cards are named by their serial numbers."""
    for place, verb in (("Previous", "continues"), ("Next", "goes on in")):
        other = clip.find(f"Relation/Connection/{place}")
        key = other.text_of("GlobalClipID") if other is not None else None
        if other is not None and key:
            part, card = other.text_of("ClipName"), other.text_of("P2SerialNo.")
            where = (f"clip {part}" if part else "another one") + (f" on card {card}" if card else "")
            missing = f"clip {name} {verb} {where}, which is not here; ask about a folder that holds both"
            yield Need(key, Aspect.ORDER, missing)


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
    return Statement("P2 last clip", path, posixpath.dirname(path), last=words[0].upper())


def read_sony_profile(content: bytes, path: str) -> Statement:
    """Read `MEDIAPRO.XML` of XAVC, XDCAM and XDCAM EX: every file of every clip, how long the clips are, and the clips
    of takes, which may be on other cards."""
    root = parse_xml(content, CARD_ELEMENTS)
    if root.name != "MediaProfile":
        raise UnreadableError(f'is no media profile: it begins with "{root.name[:80]}"')
    parts = parts_of_takes(root)
    own = [node for node in root.walk() if id(node) not in parts]
    files = [_stated_file(path, unquote(node.attributes["uri"]), node) for node in own if node.attributes.get("uri")]
    ids = [node.attributes["umid"].upper() for node in own if node.attributes.get("umid")]
    needs = tuple(one for one in dict.fromkeys(parts.values()) if one.id)
    return replace(_card_statement("Sony media profile", path, files), ids=tuple(ids), needs=needs)


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
                places = _places_on_disc(path, folder, name, is_sub=node.name == "subStream")
                found = [_stated_file(path, place, node) for place in dict.fromkeys(places)]
                first = found[0]
                files.append(first and first._replace(others=tuple(one.path for one in found[1:] if one)))
    return _card_statement("XDCAM disc index", path, files)


def _places_on_disc(index: str, folder: str, name: str, *, is_sub: bool) -> list[str]:
    """Return where a file may be, the most likely place first.

    The table may name the folders of the disc itself, `/PROAV/CLPR`, where each clip has a folder and each essence a
    file. The view of a drive shows `Clip`, `Sub` and `Edit` instead, with all essence of a clip in one file.
    """
    above, _, kind = folder.upper().rpartition("/")
    if above != "PROAV":
        return [posixpath.join("Sub" if is_sub else folder, name)]
    part = DISC_PART.fullmatch(name)
    clip = part["clip"] if part else name.partition(".")[0]
    own = [posixpath.join(kind, clip, name), posixpath.join(kind, name)]
    if posixpath.basename(posixpath.dirname(index)).upper() == "PROAV":
        return own
    view = "Edit" if kind == "EDTR" else "Clip"
    if is_sub:
        shown = [f"Sub/{name}"]
    elif part and part["kind"].upper() in "CVAR":  # in the one file that the view shows
        shown = [f"{view}/{clip}.MXF"]
    else:
        shown = [f"{view}/{name}"]
    return [*shown, *(f"PROAV/{one}" for one in own)]


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


def read_reel_log(content: bytes, path: str) -> Statement:
    """Read an Avid log (ALE): the clips of a reel, by the name of the file where a row has it."""
    folder = posixpath.dirname(path)
    files = tuple(
        FileStatement(
            posixpath.join(folder, source) if source else "", clip=source or posixpath.basename(row.name or "")
        )
        for row in read_ale(content).rows
        if (source := _source_file(row)) or row.name
    )
    return Statement("Avid log", path, folder, files, is_complete=True, is_outside=True)


def _source_file(row: ClipRow) -> str:
    """Return the name of the one file of a clip; sequences of pictures have no such file."""
    column = next((one for one in row.words if one.lower() == "source file"), "")
    name = next((str(one).strip().replace("\\", "/").rpartition("/")[2] for one in row.words.get(column, ())), "")
    return name if name.rpartition(".")[2].lower() in FILES_OF_CLIPS else ""


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
