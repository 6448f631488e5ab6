"""Indexes of AVCHD and Blu-ray (BDMV): INDEX.BDM, playlists and clip information, and how long they are."""

import posixpath
import re
import struct

from media.evidence.statements import FileStatement, Statement
from media.sandbox.protocol import UnreadableError
from media.sidecars.limits import MAX_CHECKSUM_ENTRIES, require_at_most

PLAYED_CLIP = re.compile(rb"(\d{5})M2TS")
PLAYLIST_NAME = re.compile(rb"\d{5}")
INDEX_EXTENSION = b"IDEX"
PACKET_BYTES_OF_STREAM = 192
HEADER_BYTES, SOURCE_PACKETS_PLACE = 40, 56
AVCHD_ENDINGS = {"STREAM": (".MTS", ".m2ts"), "CLIPINF": (".CPI", ".clpi"), "PLAYLIST": (".MPL", ".mpls")}
"""Endings of the files in each folder: of cameras, and of Blu-ray."""


def bdmv_file(root: str, folder: str, name: str, *, is_long: bool, least: int | None = None) -> FileStatement:
    """Return the statement of a file below BDMV under the ending of its kind of card, or the other one."""
    short, long = (posixpath.join(root, folder, name + ending) for ending in AVCHD_ENDINGS[folder])
    first, second = (long, short) if is_long else (short, long)
    return FileStatement(first, (second,), least=least)


def read_avchd_playlist(content: bytes, path: str) -> Statement:
    """Read `PLAYLIST/nnnnn.MPL`: the streams that it plays, each with its clip information."""
    _require_magic(content, b"MPLS", "playlist")
    items = _section(content, _number(content, 8))
    _section(content, _number(content, 12))
    ids = list(dict.fromkeys(found[1].decode() for found in PLAYED_CLIP.finditer(items)))
    require_at_most(len(ids), MAX_CHECKSUM_ENTRIES, "clips")
    root, is_long = _bdmv_root(path), path.lower().endswith(".mpls")
    files = tuple(bdmv_file(root, folder, one, is_long=is_long) for folder in ("STREAM", "CLIPINF") for one in ids)
    return Statement("AVCHD playlist", path, root, files)


def read_avchd_index(content: bytes, path: str) -> Statement:
    """Read `INDEX.BDM`: the playlists, where it has the table of them that cameras write."""
    _require_magic(content, b"INDX", "index")
    _section(content, _number(content, 8))
    start = _number(content, 12)
    names = _table_of_playlists(content, start, _section(content, start)) if start else []
    root, is_long = _bdmv_root(path), path.lower().endswith(".bdmv")
    files = tuple(bdmv_file(root, "PLAYLIST", one, is_long=is_long) for one in names)
    return Statement("AVCHD index", path, root, files)


def read_avchd_clip_info(content: bytes, path: str) -> Statement:
    """Read `CLIPINF/nnnnn.CPI`: how many packets its stream has at least. One that does not read so states nothing."""
    root, name = _bdmv_root(path), posixpath.splitext(posixpath.basename(path))[0]
    nothing = Statement("AVCHD clip information", path, root)
    if not content.startswith(b"HDMV") or len(content) < SOURCE_PACKETS_PLACE + 4:
        return nothing
    starts = [_number(content, place) for place in (8, 12, 16)]
    if not all(HEADER_BYTES < one < len(content) for one in starts) or content[46] != 1:
        return nothing
    least = _number(content, SOURCE_PACKETS_PLACE) * PACKET_BYTES_OF_STREAM
    stream = bdmv_file(root, "STREAM", name, is_long=path.lower().endswith(".clpi"), least=least)
    return Statement("AVCHD clip information", path, root, (stream,))


def _bdmv_root(path: str) -> str:
    """Return the folder BDMV of an index, which may lie in its BACKUP."""
    root = posixpath.dirname(path)
    if posixpath.basename(root).upper() in AVCHD_ENDINGS:
        root = posixpath.dirname(root)
    return posixpath.dirname(root) if posixpath.basename(root).upper() == "BACKUP" else root


def _require_magic(content: bytes, magic: bytes, kind: str) -> None:
    if not content.startswith(magic):
        raise UnreadableError(f"is no {kind} of a BDMV: it does not begin with {magic.decode()}")


def _number(content: bytes, place: int) -> int:
    if place + 4 > len(content):
        raise UnreadableError(f"ends early: it has {len(content):,} bytes, and its header is longer")
    return int(struct.unpack_from(">I", content, place)[0])


def _section(content: bytes, start: int) -> bytes:
    """Return the section at a place, which begins with its length."""
    if start < HEADER_BYTES:
        raise UnreadableError("has a section in its own header")
    end = start + 4 + _number(content, start)
    if end > len(content):
        raise UnreadableError(f"ends early: it has {len(content):,} bytes, and states {end:,}")
    return content[start + 4 : end]


def _table_of_playlists(content: bytes, start: int, extension: bytes) -> list[str]:
    """Return the names in the table of playlists of an extension: 4 bytes of place, 3 of nothing, and its entries."""
    count = extension[7] if len(extension) > 7 else 0
    for number in range(count):
        entry = start + 12 + 12 * number
        block = start + _number(content, entry + 4)
        if content[block : block + 4] == INDEX_EXTENSION and (table := _number(content, block + 8)):
            return [one.decode() for one in PLAYLIST_NAME.findall(_section(content, block + table))]
    return []
