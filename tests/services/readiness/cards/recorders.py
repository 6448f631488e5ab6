"""Cards of cameras: Canon XF, RED, GoPro, AVCHD and a reel with its ALE."""

# A row of a table is one line.
# ruff: noqa: E501
# fmt: off

import struct
from uuid import NAMESPACE_URL, uuid5

from tests.services.readiness.cards.tree import (
    AGAINST,
    CAMERA,
    Fixture,
    Tree,
    cut,
    files,
    junk,
    made,
    payload,
    put,
    remove,
    rename,
    replace,
    swap,
)

# Canon XF


def canon() -> Tree:
    """A card with a short clip and one of three parts."""
    tree: Tree = {"CONTENTS/CLIPS001/INDEX.MIF": payload("INDEX.MIF", 512)}
    for clip, parts in (("AA0001", 1), ("AA0002", 3)):
        folder = f"CONTENTS/CLIPS001/{clip}"
        tree |= files([f"{folder}/{clip}.CIF"], 600)
        for part in range(1, parts + 1):
            tree |= files([f"{folder}/{clip}{part:02}.MXF"]) | files([f"{folder}/{clip}{part:02}.CPF"], 300)
            if parts > 1:
                tree |= files([f"{folder}/{clip}{part:02}.SIF"], 300)
    return tree


CANON_LONG = "CONTENTS/CLIPS001/AA0002/AA0002"
CANON = (
    Fixture("canon-alone", "Canon XF", made(canon), "not provable", "Parts and their CIF and CPF are there, but INDEX.MIF is in no published form, so nothing states how many clips there are.", CAMERA),
    Fixture("canon-against-whole", "Canon XF", made(canon), "proven", "The copy is the card, byte by byte.", AGAINST, other=made(canon)),
    Fixture("canon-middle-missing", "Canon XF", made(canon, remove(f"{CANON_LONG}02.MXF")), "refuted", "Parts 1 and 3 and the CPF of part 2 are there.", CAMERA, (f"{CANON_LONG}02.MXF",)),
    Fixture("canon-last-missing", "Canon XF", made(canon, remove(f"{CANON_LONG}03.MXF")), "refuted", "The CPF of part 3 is there, so its MXF was.", CAMERA, (f"{CANON_LONG}03.MXF",)),
    Fixture("canon-cif-missing", "Canon XF", made(canon, remove("CONTENTS/CLIPS001/AA0001/AA0001.CIF")), "refuted", "Each clip has one CIF.", CAMERA, ("CONTENTS/CLIPS001/AA0001/AA0001.CIF",)),
    Fixture("canon-cpf-missing", "Canon XF", made(canon, remove(f"{CANON_LONG}01.CPF")), "refuted", "Each part has one CPF.", CAMERA, (f"{CANON_LONG}01.CPF",)),
)

# RED

RED_LONG = "A001_1015WV.RDM/A001_C002_0115AB.RDC/A001_C002_0115AB"


def red() -> Tree:
    """A magazine with a clip of one part and one of three."""
    tree = files(["A001_1015WV.RDM/digital_magazine.bin", "A001_1015WV.RDM/digital_magdynamic.bin"], 256)
    for clip, parts in (("A001_C001_0115XY", 1), ("A001_C002_0115AB", 3)):
        folder = f"A001_1015WV.RDM/{clip}.RDC"
        tree |= files([f"{folder}/{clip}_{part:03}.R3D" for part in range(1, parts + 1)]) | files([f"{folder}/{clip}.RMD"], 400)
    return tree


RED = (
    Fixture("red-alone", "RED", made(red), "not provable", "Part numbers have no hole, but nothing states which part is the last, nor how many clips there are.", CAMERA),
    Fixture("red-against-whole", "RED", made(red, junk()), "proven", "The copy is the magazine, byte by byte.", AGAINST, other=made(red)),
    Fixture("red-middle-missing", "RED", made(red, remove(f"{RED_LONG}_002.R3D")), "refuted", "_001 and _003 are there, so _002 was.", CAMERA, (f"{RED_LONG}_002.R3D",)),
    Fixture("red-first-missing", "RED", made(red, remove(f"{RED_LONG}_001.R3D")), "refuted", "Parts count from _001.", CAMERA, (f"{RED_LONG}_001.R3D",)),
    Fixture("red-last-missing", "RED", made(red, remove(f"{RED_LONG}_003.R3D")), "not provable", "Nothing states that there was a third part.", CAMERA),
    Fixture("red-clip-gone", "RED", made(red, remove("A001_1015WV.RDM/A001_C001_0115XY.RDC/*")), "not provable", "No C001: it was deleted in the camera or lost.", CAMERA),
    Fixture("red-against-swapped", "RED", made(red, swap(f"{RED_LONG}_001.R3D", f"{RED_LONG}_003.R3D")), "refuted", "Two parts under each other's names differ from the magazine.", AGAINST, (f"{RED_LONG}_001.R3D", f"{RED_LONG}_003.R3D"), made(red)),
)

# GoPro

GOPRO = "DCIM/100GOPRO"


def gopro() -> Tree:
    """A recording of three chapters in HEVC and one of one in AVC, with thumbnails and low resolution videos."""
    tree: Tree = {"MISC": None}
    for number, chapters, codec in ((1, 3, "GX"), (2, 1, "GH")):
        for chapter in range(1, chapters + 1):
            end = f"{chapter:02}{number:04}"
            tree |= files([f"{GOPRO}/{codec}{end}.MP4", f"{GOPRO}/{codec}{end}.THM", f"{GOPRO}/GL{end}.LRV"])
    return tree


def gopro_old() -> Tree:
    """A recording of four chapters, as cameras before HERO6 name them, without other files."""
    return files(f"{GOPRO}/{name}0007.MP4" for name in ("GOPR", "GP01", "GP02", "GP03"))


GOPROS = (
    Fixture("gopro-alone", "GoPro", made(gopro), "not provable", "Chapters have no hole, but nothing states which is the last, nor how many recordings there are.", CAMERA),
    Fixture("gopro-against-whole", "GoPro", made(gopro), "proven", "The copy is the card, byte by byte.", AGAINST, other=made(gopro)),
    Fixture("gopro-middle-missing", "GoPro", made(gopro, remove(f"{GOPRO}/GX020001.MP4", f"{GOPRO}/GX020001.THM", f"{GOPRO}/GL020001.LRV")), "refuted", "Chapters 01 and 03 of 0001 are there, so 02 was.", CAMERA, (f"{GOPRO}/GX020001.MP4",)),
    Fixture("gopro-first-missing", "GoPro", made(gopro, rename(f"{GOPRO}/GX010001.MP4", f"{GOPRO}/start.MP4")), "refuted", "Chapters count from 01.", CAMERA, (f"{GOPRO}/GX010001.MP4",)),
    Fixture("gopro-last-missing", "GoPro", made(gopro, remove(f"{GOPRO}/GX030001.MP4")), "refuted", "Its THM and LRV are there.", CAMERA, (f"{GOPRO}/GX030001.MP4",)),
    Fixture("gopro-last-gone", "GoPro", made(gopro, remove(f"{GOPRO}/GX030001*", f"{GOPRO}/GL030001*")), "not provable", "Nothing states that there was a third chapter.", CAMERA),
    Fixture("gopro-old-alone", "GoPro", made(gopro_old), "not provable", "GOPR is the first chapter and GP01 the second; nothing states which is the last.", CAMERA),
    Fixture("gopro-old-middle-missing", "GoPro", made(gopro_old, remove(f"{GOPRO}/GP020007.MP4")), "refuted", "GP01 and GP03 are there, so GP02 was.", CAMERA, (f"{GOPRO}/GP020007.MP4",)),
    Fixture("gopro-old-first-missing", "GoPro", made(gopro_old, remove(f"{GOPRO}/GOPR0007.MP4")), "refuted", "GP01 is the second chapter of GOPR0007.", CAMERA, (f"{GOPRO}/GOPR0007.MP4",)),
)

# AVCHD

BDMV = "PRIVATE/AVCHD/BDMV"


def avchd_index() -> bytes:
    """INDEX.BDM without extension data."""
    application = struct.pack(">I34x", 34)
    titles = struct.pack(">24xH", 0)
    return b"INDX0100" + struct.pack(">II24x", 40 + len(application), 0) + application + struct.pack(">I", len(titles)) + titles


def avchd_playlist(clips: tuple[str, ...]) -> bytes:
    """A movie playlist that plays each of `clips` for ten seconds, with one picture and one sound stream."""
    streams = (
        b"\x09\x01\x10\x11" + bytes(6) + b"\x05\x1b\x44" + bytes(3)
        + b"\x09\x01\x11\x00" + bytes(6) + b"\x05\x81\x31\x30\x30\x30"
    )
    table = struct.pack(">H2x7B5x", 14 + len(streams), 1, 1, 0, 0, 0, 0, 0) + streams
    items = b""
    for number, clip in enumerate(clips):
        times = struct.pack(">BII8xBBH", 0, 45000, 45000 + 10 * 45000, 0, 0, 0)
        item = clip.encode() + b"M2TS" + struct.pack(">H", 1 if number == 0 else 5) + times + table
        items += struct.pack(">H", len(item)) + item
    application = struct.pack(">IBBH8xH", 14, 0, 1, 0, 0)
    body = struct.pack(">HHH", 0, len(clips), 0) + items
    playlist = struct.pack(">I", len(body)) + body
    marks = struct.pack(">IH", 2 + 14 * len(clips), len(clips))
    for number in range(len(clips)):
        marks += struct.pack(">BBHIHI", 0, 1, number, 45000, 0xFFFF, 0)
    start = 40 + len(application)
    return b"MPLS0100" + struct.pack(">III20x", start, start + len(playlist), 0) + application + playlist + marks


def avchd() -> Tree:
    """Two recordings of one playlist, the second of which was split, and one of another day."""
    tree: Tree = {f"{BDMV}/INDEX.BDM": avchd_index(), f"{BDMV}/MOVIEOBJ.BDM": b"MOBJ0100" + bytes(40)}
    tree |= files(["PRIVATE/AVCHD/AVCHDTN/THUMB.TDT", "PRIVATE/AVCHD/AVCHDTN/THUMB.TID"], 512)
    for number in range(4):
        tree[f"{BDMV}/STREAM/0000{number}.MTS"] = payload(f"0000{number}.MTS", 192 * 16)
        tree[f"{BDMV}/CLIPINF/0000{number}.CPI"] = b"HDMV0100" + payload(f"0000{number}.CPI", 300)
    tree[f"{BDMV}/PLAYLIST/00000.MPL"] = avchd_playlist(("00000", "00001", "00002"))
    return tree | {f"{BDMV}/PLAYLIST/00001.MPL": avchd_playlist(("00003",))}


def bdmv() -> Tree:
    """The same with the long names that Blu-ray has, as some software copies it."""
    long = {".MTS": ".m2ts", ".CPI": ".clpi", ".MPL": ".mpls"}
    tree = {path.removeprefix("PRIVATE/AVCHD/"): content for path, content in avchd().items() if path.startswith(BDMV)}
    names = {"BDMV/INDEX.BDM": "BDMV/index.bdmv", "BDMV/MOVIEOBJ.BDM": "BDMV/MovieObject.bdmv"}
    return {names[path] if path in names else path[:-4] + long[path[-4:]]: content for path, content in tree.items()}


AVCHD = (
    Fixture("avchd-alone", "AVCHD", made(avchd), "not provable", "Playlists name their clips, but nothing states how many playlists there are (unsure: INDEX.BDM of cameras may list them in its extension data).", CAMERA),
    Fixture("avchd-against-whole", "AVCHD", made(avchd), "proven", "The copy is the card, byte by byte.", AGAINST, other=made(avchd)),
    Fixture("avchd-stream-missing", "AVCHD", made(avchd, remove(f"{BDMV}/STREAM/00002.MTS")), "refuted", "A PlayItem of 00000.MPL plays it.", CAMERA, (f"{BDMV}/STREAM/00002.MTS",)),
    Fixture("avchd-clipinf-missing", "AVCHD", made(avchd, remove(f"{BDMV}/CLIPINF/00003.CPI")), "refuted", "The PlayItem of 00001.MPL names its clip information.", CAMERA, (f"{BDMV}/CLIPINF/00003.CPI",)),
    Fixture("avchd-playlist-truncated", "AVCHD", made(avchd, cut(f"{BDMV}/PLAYLIST/00000.MPL", 120)), "refuted", "The playlist is shorter than the lengths in it state.", CAMERA, (f"{BDMV}/PLAYLIST/00000.MPL",)),
    Fixture("bdmv-long-names-alone", "AVCHD", made(bdmv), "not provable", "As avchd-alone (unsure, as that).", CAMERA),
    Fixture("bdmv-stream-missing", "AVCHD", made(bdmv, remove("BDMV/STREAM/00001.m2ts")), "refuted", "A PlayItem of 00000.mpls plays it.", CAMERA, ("BDMV/STREAM/00001.m2ts",)),
)

# A reel with its Avid log

ALE_CLIPS = ("A003C001_240115_R1AB", "A003C002_240115_R1AB", "A003C003_240115_R1AB")


def ale() -> Tree:
    """A reel of an ARRI camera in ProRes with the ALE that it writes, which has CR and LF."""
    lines = ["Heading", "FIELD_DELIM\tTABS", "VIDEO_FORMAT\t1080", "AUDIO_FORMAT\t48khz", "FPS\t24", "", "Column"]
    lines += ["Name\tTracks\tStart\tEnd\tTape\tCamroll\tUUID\tDuration\tSource File", "", "Data"]
    for number, clip in enumerate(ALE_CLIPS, 10):
        identity = uuid5(NAMESPACE_URL, clip)
        lines.append(f"{clip}\tVA1A2\t{number}:00:00:00\t{number}:00:10:00\t{clip}\tA003\t{identity}\t00:00:10:00\t{clip}.mov")
    log = "\r\n".join(lines) + "\r\n"
    return files(f"A003R1AB/{clip}.mov" for clip in ALE_CLIPS) | {"A003R1AB/A003R1AB_AVID.ale": log.encode()}


ALE = (
    Fixture("ale-whole", "ALE", made(ale), "proven", "Each row of the log has its file.", CAMERA),
    Fixture("ale-junk-whole", "ALE", made(ale, junk("A003R1AB")), "proven", "Files of the desktop are in no row.", CAMERA),
    Fixture("ale-clip-missing", "ALE", made(ale, remove(f"A003R1AB/{ALE_CLIPS[1]}.mov")), "refuted", "A row of the log names it.", CAMERA, (f"A003R1AB/{ALE_CLIPS[1]}.mov",)),
    Fixture("ale-clip-renamed", "ALE", made(ale, rename(f"A003R1AB/{ALE_CLIPS[0]}.mov", "A003R1AB/slate.mov")), "refuted", "A row of the log names the file as the camera did.", CAMERA, (f"A003R1AB/{ALE_CLIPS[0]}.mov",)),
    Fixture("ale-content-alone", "ALE", made(ale), "not provable", "A log states no sums."),
    Fixture("ale-clip-unlogged", "ALE", made(ale, put("A003R1AB/A003C004_240115_R1AB.mov", payload("A003C004"))), "not provable", "The log does not name the fourth clip, so it is not a log of the whole reel (unsure: a file more than the log states may be no question of anyone).", CAMERA),
    Fixture("ale-tape-whole", "ALE", made(ale, *(replace("A003R1AB/A003R1AB_AVID.ale", f"{clip}.mov", "") for clip in ALE_CLIPS)), "proven", "Without Source File, Name states the clip.", CAMERA),
)

OTHER_CARDS = CANON + RED + GOPROS + AVCHD + ALE
