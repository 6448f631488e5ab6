"""Cards, packages and lists as trees in memory: path and content of every file, laid out as the makers' systems do.

Each is whole; the tests take files away, cut, swap, rename and flip them.
"""

import base64
import hashlib
import posixpath
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import xxhash

Tree = dict[str, bytes]
CLIP_MS = 2_000


@dataclass(slots=True)
class Fixture:
    """A tree, and how long its clips last in milliseconds."""

    tree: Tree
    durations: dict[str, int] = field(default_factory=dict)


def essence(name: str, size: int = 400) -> bytes:
    """Bytes that no other file has."""
    return (hashlib.sha512(name.encode()).digest() * (size // 64 + 1))[:size]


def p2(card: str = "P2", clips: tuple[str, ...] = ("0001AB", "0002CD", "0003EF"), following: str = "") -> Fixture:
    tree: Tree = {}
    durations = {}
    for place, clip in enumerate(clips):
        video, sounds = f"{card}/CONTENTS/VIDEO/{clip}.MXF", [f"{card}/CONTENTS/AUDIO/{clip}{n:02}.MXF" for n in (0, 1)]
        for number, path in enumerate((video, *sounds)):
            # Lengths of 50, 75 and 100 frames, so that swapped clips are noticed.
            tree[path] = essence(path, 1_000 + 100 * place + number)
            durations[path] = 2_000 + 1_000 * place
        tree[f"{card}/CONTENTS/ICON/{clip}.BMP"] = essence(clip + "icon")
        tree[f"{card}/CONTENTS/PROXY/{clip}.MP4"] = essence(clip + "proxy")
        following_id = f"id-{clips[place + 1]}" if following == "chain" and place + 1 < len(clips) else ""
        if following and following != "chain" and place == len(clips) - 1:
            following_id = following
        relation = (
            f"<Relation><Connection><Next><GlobalClipID>{following_id}</GlobalClipID></Next></Connection></Relation>"
            if following_id
            else ""
        )
        index = "<StartByteOffset>100</StartByteOffset><DataSize>800</DataSize>"
        sound = f"<Audio><AudioFormat>MXF</AudioFormat><AudioIndex>{index}</AudioIndex></Audio>"
        tree[f"{card}/CONTENTS/CLIP/{clip}.XML"] = f"""<?xml version="1.0" encoding="UTF-8"?>
            <P2Main xmlns="urn:schemas-Professional-Plug-in:P2:ClipMetadata:v3.1"><ClipContent>
            <ClipName>{clip}</ClipName><GlobalClipID>id-{clip}</GlobalClipID><Duration>{50 + 25 * place}</Duration>
            <EditUnit>1/25</EditUnit>{relation}<EssenceList><Video><VideoFormat>MXF</VideoFormat>
            <FrameRate>50i</FrameRate><VideoIndex>{index}</VideoIndex></Video>{sound}{sound}</EssenceList>
            <ClipMetadata><Thumbnail><ThumbnailFormat>BMP</ThumbnailFormat></Thumbnail>
            <Proxy><ProxyFormat>MP4</ProxyFormat></Proxy></ClipMetadata></ClipContent></P2Main>""".encode()
    tree[f"{card}/LASTCLIP.TXT"] = f"{clips[-1]}\r\n1.0\r\n{len(clips)}\r\n".encode()
    return Fixture(tree, durations)


def _sony(root: str, materials: list[tuple[str, list[str], int]]) -> Fixture:
    tree: Tree = {}
    durations = {}
    said = ""
    for place, (clip, others, frames) in enumerate(materials):
        for path in (clip, *others):
            tree[f"{root}/{path}"] = essence(f"{root}{path}", 700 + place)
        durations[f"{root}/{clip}"] = frames * 40
        relevant = "".join(f'<RelevantInfo uri="./{path}" type="XML"/>' for path in others)
        said += f'<Material uri="./{clip}" type="MP4" fps="25p" dur="{frames}" umid="{place}">{relevant}</Material>'
    space = "http://xmlns.sony.net/pro/metadata/mediaprofile"
    tree[f"{root}/MEDIAPRO.XML"] = (
        f'<?xml version="1.0" encoding="UTF-8"?><MediaProfile xmlns="{space}" version="2.10"><Properties/>'
        f"<Contents>{said}</Contents></MediaProfile>"
    ).encode()
    return Fixture(tree, durations)


def xavc() -> Fixture:
    numbers = (("0001", 50), ("0002", 75), ("0004", 100))
    return _sony(
        "A7/PRIVATE/M4ROOT",
        [
            (f"CLIP/C{n}.MP4", [f"CLIP/C{n}M01.XML", f"SUB/C{n}S03.MP4", f"THMBNL/C{n}T01.JPG"], frames)
            for n, frames in numbers
        ],
    )


def xdcam_ex() -> Fixture:
    names = (("709_0001_01", 50), ("709_0002_01", 75))
    made = [
        (f"CLPR/{n}/{n}.MP4", [f"CLPR/{n}/{n}.SMI", f"CLPR/{n}/{n}M01.XML", f"CLPR/{n}/{n}R01.BIM"], frames)
        for n, frames in names
    ]
    return _sony("EX/BPAV", made)


def xdcam_disc() -> Fixture:
    tree: Tree = {}
    durations, clips = {}, ""
    for place, (clip, frames) in enumerate((("C0001", 50), ("C0002", 75))):
        for path in (f"Clip/{clip}.MXF", f"Clip/{clip}M01.XML", f"Sub/{clip}S01.MXF"):
            tree[f"DISC/XDROOT/{path}"] = essence(path, 600 + place)
        durations[f"DISC/XDROOT/Clip/{clip}.MXF"] = frames * 40
        clips += (
            f'<clip clipId="{clip}" umid="{place}" file="{clip}.MXF" fps="50i" dur="{frames}">'
            f'<subStream file="{clip}S01.MXF"/><meta file="{clip}M01.XML" type="PD-Meta"/></clip>'
        )
    tree["DISC/XDROOT/INDEX.XML"] = (
        '<?xml version="1.0"?><indexFile xmlns="urn:schemas-professionalDisc:index:ver.1.00">'
        f'<clipTable path="/Clip/">{clips}</clipTable></indexFile>'
    ).encode()
    return Fixture(tree, durations)


def _sha1(content: bytes) -> str:
    return base64.b64encode(hashlib.sha1(content, usedforsecurity=False).digest()).decode()


def _package(folder: str, tracks: Mapping[str, str], composition: str, *, map_name: str) -> Fixture:
    """A package with these tracks by id, and a composition that plays them."""
    files = {f"uuid-{name}": (f"{name}.mxf", essence(folder + name, 900 + len(name))) for name in tracks}
    files["uuid-cpl"] = ("CPL_1.xml", composition.encode())
    assets = "".join(
        f"<Asset><Id>urn:uuid:{key}</Id><Hash>{_sha1(content)}</Hash><Size>{len(content)}</Size><Type>x</Type></Asset>"
        for key, (_, content) in files.items()
    )
    pkl = f'<PackingList xmlns="p"><Id>urn:uuid:uuid-pkl</Id><AssetList>{assets}</AssetList></PackingList>'
    mapped = {**files, "uuid-pkl": ("PKL_1.xml", pkl.encode())}
    chunks = "".join(
        f"<Asset><Id>urn:uuid:{key}</Id><ChunkList><Chunk><Path>{name}</Path><VolumeIndex>1</VolumeIndex>"
        f"<Offset>0</Offset><Length>{len(content)}</Length></Chunk></ChunkList></Asset>"
        for key, (name, content) in mapped.items()
    )
    tree = {f"{folder}/{name}": content for name, content in mapped.values()}
    tree[f"{folder}/{map_name}"] = f'<AssetMap xmlns="a"><AssetList>{chunks}</AssetList></AssetMap>'.encode()
    tree[f"{folder}/VOLINDEX{map_name.removeprefix('ASSETMAP')}"] = b"<VolumeIndex><Index>1</Index></VolumeIndex>"
    return Fixture(tree)


def dcp(*, sound_frames: int = 48, other: str = "") -> Fixture:
    def track(kind: str, name: str, frames: int) -> str:
        return (
            f"<{kind}><Id>urn:uuid:uuid-{name}</Id><EditRate>24 1</EditRate><IntrinsicDuration>{frames}"
            f"</IntrinsicDuration><EntryPoint>0</EntryPoint><Duration>{frames}</Duration></{kind}>"
        )

    tracks = track("MainPicture", "picture", 48) + track("MainSound", other or "sound", sound_frames)
    reels = f"<Reel><Id>urn:uuid:r</Id><AssetList>{tracks}</AssetList></Reel>"
    title = "<ContentTitleText>FILM_FTR</ContentTitleText>"
    cpl = f'<CompositionPlaylist xmlns="c"><Id>urn:uuid:uuid-cpl</Id>{title}<ReelList>{reels}</ReelList>'
    cpl += "</CompositionPlaylist>"
    return _package("FILM_FTR", {"picture": "", "sound": ""}, cpl, map_name="ASSETMAP.xml")


def imf() -> Fixture:
    resources = "".join(
        f"<Resource><Id>urn:uuid:x</Id><TrackFileId>urn:uuid:uuid-{name}</TrackFileId></Resource>"
        for name in ("image", "audio")
    )
    segments = f"<Segment><SequenceList><S><ResourceList>{resources}</ResourceList></S></SequenceList></Segment>"
    cpl = '<CompositionPlaylist xmlns="i"><Id>urn:uuid:uuid-cpl</Id><ContentTitle>SERIES</ContentTitle><SegmentList>'
    cpl += f"{segments}</SegmentList></CompositionPlaylist>"
    return _package("SERIES_IMP", {"image": "", "audio": ""}, cpl, map_name="ASSETMAP.xml")


def canon() -> Fixture:
    tree: Tree = {}
    for clip, parts in (("AA0001", 2), ("AA0002", 1)):
        base = f"XF/CONTENTS/CLIPS001/{clip}/{clip}"
        tree |= {f"{base}.{ending}": essence(base + ending) for ending in ("CIF", "XMP")}
        for part in range(1, parts + 1):
            tree |= {f"{base}{part:02}.{ending}": essence(f"{base}{part}{ending}") for ending in ("MXF", "CPF", "SIF")}
    return Fixture(tree)


def red() -> Fixture:
    clip = "R/A001.RDM/A001_C001_0102AB.RDC/A001_C001_0102AB"
    other = "R/A001.RDM/A001_C002_0102CD.RDC/A001_C002_0102CD"
    names = [f"{clip}_001.R3D", f"{clip}_002.R3D", f"{clip}_003.R3D", f"{clip}.RMD", f"{other}_001.R3D"]
    return Fixture({name: essence(name) for name in names})


def gopro() -> Fixture:
    stems = [("01", "0001"), ("02", "0001"), ("03", "0001"), ("01", "0002")]
    tree: Tree = {}
    for chapter, recording in stems:
        for name in (f"GX{chapter}{recording}.MP4", f"GX{chapter}{recording}.THM", f"GL{chapter}{recording}.LRV"):
            tree[f"HERO/DCIM/100GOPRO/{name}"] = essence(name)
    return Fixture(tree)


def bdmv_playlist(*clips: str) -> bytes:
    """A playlist that plays these clips."""
    items = b"".join(struct.pack(">H", 20) + clip.encode() + b"M2TS" + bytes(11) for clip in clips)
    body = struct.pack(">HHH", 0, len(clips), 0) + items
    marks = struct.pack(">IH", 2, 0)
    return b"MPLS0200" + struct.pack(">III20x", 40, 44 + len(body), 0) + struct.pack(">I", len(body)) + body + marks


def bdmv_index(*playlists: str) -> bytes:
    """An index with a table of these playlists, in an extension as cameras write it."""
    table = struct.pack(">HH", 0, len(playlists)) + b"".join(one.encode() + bytes(5) for one in playlists)
    block = b"IDEX" + bytes(4) + struct.pack(">II24x", 40, 0) + struct.pack(">I", len(table)) + table
    extension = struct.pack(">I3xBHHII", 24, 1, 0x1000, 0x0100, 24, len(block)) + block
    titles = struct.pack(">I26x", 26)
    head = b"INDX0200" + struct.pack(">II24x", 40, 40 + len(titles))
    return head + titles + struct.pack(">I", len(extension)) + extension


def bdmv_clip_info(packets: int) -> bytes:
    """Clip information of a stream of so many packets."""
    starts = struct.pack(">IIIII12x", 60, 64, 68, 0, 0)
    return b"HDMV0200" + starts + struct.pack(">IHBBIII", 16, 0, 1, 1, 0, 3_000_000, packets) + bytes(16)


def avchd() -> Fixture:
    root, clips = "PRIVATE/AVCHD/BDMV", ("00000", "00001", "00002")
    tree: Tree = {f"{root}/INDEX.BDM": bdmv_index("00000"), f"{root}/MOVIEOBJ.BDM": b"MOBJ0200"}
    for clip in clips:
        tree[f"{root}/STREAM/{clip}.MTS"] = essence(clip, 192 * 3)
        tree[f"{root}/CLIPINF/{clip}.CPI"] = bdmv_clip_info(3)
    tree[f"{root}/PLAYLIST/00000.MPL"] = bdmv_playlist(*clips)
    return Fixture(tree)


def _reel(folder: str) -> Tree:
    return {f"{folder}/{name}": essence(folder + name) for name in ("A001C001.mov", "A001C002.mov", "sound/A001.wav")}


def sums(algorithm: str = "md5") -> Fixture:
    tree = _reel("DAY1")
    hashed = {
        path: xxhash.xxh3_128(content).hexdigest()
        if algorithm == "xxh128"
        else hashlib.new(algorithm, content, usedforsecurity=False).hexdigest()
        for path, content in tree.items()
    }
    lines = (f"{digest}  {posixpath.relpath(path, 'DAY1')}\n" for path, digest in hashed.items())
    return Fixture({**tree, f"DAY1/day1.{algorithm}": "".join(lines).encode()})


def mhl() -> Fixture:
    tree = _reel("A001")
    hashes = "".join(
        f'<hash><path size="{len(content)}">{posixpath.relpath(path, "A001")}</path>'
        f'<xxh128 action="original">{xxhash.xxh3_128(content).hexdigest()}</xxh128></hash>'
        for path, content in tree.items()
    )
    space = "urn:ASC:MHL:v2.0"
    text = f'<?xml version="1.0"?><hashlist version="2.0" xmlns="{space}"><hashes>{hashes}</hashes></hashlist>'
    return Fixture({**tree, "A001/ascmhl/0001_A001_2026-01-02_030405Z.mhl": text.encode()})


def old_mhl() -> Fixture:
    tree = _reel("B001")
    hashes = "".join(
        f"<hash><file>{posixpath.relpath(path, 'B001')}</file><size>{len(content)}</size>"
        f"<md5>{hashlib.md5(content, usedforsecurity=False).hexdigest()}</md5></hash>"
        for path, content in tree.items()
    )
    return Fixture({**tree, "B001/B001.mhl": f'<hashlist version="1.1">{hashes}</hashlist>'.encode()})


def bag() -> Fixture:
    payload = {f"BAG/data/{name}": essence(name) for name in ("film.mkv", "film.wav", "papers/contract.pdf")}

    def lines(tree: Mapping[str, bytes]) -> bytes:
        hashed = (
            (hashlib.sha256(content).hexdigest(), posixpath.relpath(path, "BAG")) for path, content in tree.items()
        )
        return "".join(f"{digest}  {path}\n" for digest, path in hashed).encode()

    oxum = f"{sum(map(len, payload.values()))}.{len(payload)}"
    tags = {
        "BAG/bagit.txt": b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n",
        "BAG/bag-info.txt": f"Source-Organization: Archive\nPayload-Oxum: {oxum}\n".encode(),
        "BAG/manifest-sha256.txt": lines(payload),
    }
    return Fixture({**payload, **tags, "BAG/tagmanifest-sha256.txt": lines(tags)})


def frames() -> Fixture:
    return Fixture({f"shot/plate.{number}.exr": essence(f"frame {number}") for number in range(1001, 1011)})


def reel_log() -> Fixture:
    tree = {f"ARRI/{clip}.mxf": essence(clip) for clip in ("A001C001_0102AB", "A001C002_0102AB")}
    rows = "".join(f"{clip}\tV\t01:00:00:00\n" for clip in ("A001C001_0102AB", "A001C002_0102AB"))
    text = f"Heading\nFIELD_DELIM\tTABS\n\nColumn\nName\tTracks\tStart\n\nData\n{rows}"
    return Fixture({**tree, "ARRI/A001.ale": text.encode()})


STRUCTURES: dict[str, Callable[[], Fixture]] = {
    "p2": p2,
    "xavc": xavc,
    "xdcam disc": xdcam_disc,
    "xdcam ex": xdcam_ex,
    "dcp": dcp,
    "imf": imf,
    "ascmhl": mhl,
    "mhl 1": old_mhl,
    "md5": sums,
    "sha256": lambda: sums("sha256"),
    "xxh128": lambda: sums("xxh128"),
    "bagit": bag,
    "canon": canon,
    "red": red,
    "gopro": gopro,
    "avchd": avchd,
    "ale": reel_log,
    "frames": frames,
}
"""Whole fixtures by the name of their structure."""
