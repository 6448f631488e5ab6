"""Cards, packages and lists as their makers and public samples describe them, and not as our readers expect them.

Each tree is written from a public source that is named beside it: names, folders, namespaces, attributes and the small
files that cameras leave beside the clips. What of it nothing reads is part of it, because real cards have it.
"""

import base64
import hashlib
import struct
from collections.abc import Callable, Mapping, Sequence

import xxhash

from tests.media.evidence.structures import Fixture, Tree, essence

HOUR = "01:00:00:00"


def p2_dv50() -> Fixture:
    """An AG-HVX200: the layout of ingex.sourceforge.net/P2_structure.html; clips of DV50 have four sounds."""
    tree: Tree = {"LASTCLIP.TXT": b"0003K8\n1.0\n3\n"}
    durations = {}
    for clip, frames in (("0001F9", 300), ("0002AC", 450), ("0003K8", 120)):
        sizes = {f"CONTENTS/VIDEO/{clip}.MXF": 32_768 + frames * 24}
        sizes |= {f"CONTENTS/AUDIO/{clip}{track:02}.MXF": 32_768 + frames * 6 for track in range(4)}
        tree |= {path: essence(path, size + 512)[: size + 512] for path, size in sizes.items()}
        durations |= dict.fromkeys(sizes, frames * 1001 // 30)
        tree[f"CONTENTS/ICON/{clip}.BMP"] = b"BM" + essence(clip, 80)
        video = f"""<Video ValidAudioFlag="false"><VideoFormat>MXF</VideoFormat>
            <Codec BitRate="50">DVCPRO50_4:2:2</Codec>
            <FrameRate>59.94i</FrameRate><StartTimecode>{HOUR}</StartTimecode>
            <AspectRatio>16:9</AspectRatio><VideoIndex><StartByteOffset>32768</StartByteOffset><DataSize>{frames * 24}
            </DataSize></VideoIndex></Video>"""
        sound = f"""<Audio><AudioFormat>MXF</AudioFormat><SamplingRate>48000</SamplingRate><BitsPerSample>16
            </BitsPerSample><AudioIndex><StartByteOffset>32768</StartByteOffset><DataSize>{frames * 6}</DataSize>
            </AudioIndex></Audio>"""
        tree[f"CONTENTS/CLIP/{clip}.XML"] = f"""<?xml version="1.0" encoding="UTF-8" standalone="no" ?>
            <P2Main xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
            xmlns="urn:schemas-Professional-Plug-in:P2:ClipMetadata:v3.0"><ClipContent><ClipName>{clip}</ClipName>
            <GlobalClipID>060A2B340101010501010D4313000000{clip}52F70580B600008045C73E7F</GlobalClipID>
            <Duration>{frames}</Duration><EditUnit>1001/30000</EditUnit><EssenceList>{video}{sound * 4}</EssenceList>
            <ClipMetadata><UserClipName>{clip}</UserClipName><DataSource>SHOOTING</DataSource>
            <Device><Manufacturer>Panasonic</Manufacturer><ModelName>AG-HVX200</ModelName></Device>
            <Thumbnail><FrameOffset>0</FrameOffset><ThumbnailFormat>BMP</ThumbnailFormat><Width>80</Width>
            <Height>60</Height></Thumbnail></ClipMetadata></ClipContent></P2Main>""".encode()
    tree["CONTENTS/VOICE/README"] = b"folders that are empty stay"
    return Fixture(tree, durations)


def _material(uri: str, frames: int, rate: str, proxy: str, beside: Sequence[str]) -> str:
    relevant = "".join(f'<RelevantInfo uri="./{one}" type="{one.rpartition(".")[2]}"/>' for one in beside)
    sub = f'<Proxy uri="./{proxy}" type="MP4" fps="{rate}" ch="2" audioType="AAC-LC"/>' if proxy else ""
    return (
        f'<Material uri="./{uri}" type="{uri[-3:]}" offset="0" dur="{frames}" fps="{rate}" aspectRatio="16:9" ch="2" '
        f'umid="060A2B340101010501010D43130000004E41F241907305CE784B87FFFEBA{frames:04}" status="none">{sub}{relevant}'
        "</Material>"
    )


def _profile(materials: str, kind: str) -> bytes:
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<MediaProfile xmlns="http://xmlns.sony.net/pro/metadata/mediaprofile" createdAt="2026-04-04T20:44:47Z" version="2.30">
\t<Properties>
\t\t<System systemId="5026EFFFFEB9E258" systemKind="{kind}" masterVersion="XAVC-XD@1.10.00"/>
\t\t<Attached mediaId="64926AFF341106DAE2585026EFFFFEB9" mediaKind="ProfessionalDisc" mediaName=""/>
\t</Properties>
\t<Contents>{materials}</Contents>
</MediaProfile>""".encode()


def fx6() -> Fixture:
    """A Sony FX6: MEDIAPRO.XML of one, version 2.30, as two public parsers test it; clips have proxies."""
    root, tree, durations, said = "PRIVATE/XDROOT", Tree(), {}, ""
    for clip, frames in (("628_1298", 710), ("628_1299", 300), ("628_1301", 45)):
        proxy = f"Sub/{clip}S03.MP4"
        beside = [f"Clip/{clip}M01.XML", f"Thmbnl/{clip}T01.JPG"]
        for path in (f"Clip/{clip}.MXF", proxy, *beside):
            tree[f"{root}/{path}"] = essence(clip + path, 600 + frames)
        durations |= dict.fromkeys((f"{root}/Clip/{clip}.MXF", f"{root}/{proxy}"), frames * 1001 // 30)
        said += _material(f"Clip/{clip}.MXF", frames, "29.97p", proxy, beside)
    tree[f"{root}/MEDIAPRO.XML"] = _profile(said, "ILME-FX6V ver.5.020")
    tree |= {f"{root}/{name}": b"<x/>" for name in ("CUEUP.XML", "DISCMETA.XML")}
    tree[f"{root}/General/Sony/Planning/PLAN.XML"] = b"<PlanningMetadata/>"
    return Fixture(tree, durations)


def a7() -> Fixture:
    """A Sony ILCE-7M3: MEDIAPRO.XML of one as its users describe it; photographs are in no index."""
    root, tree, durations, said = "PRIVATE/M4ROOT", Tree(), {}, ""
    for clip, frames in (("C0001", 180), ("C0002", 240)):
        beside = [f"CLIP/{clip}M01.XML", f"THMBNL/{clip}T01.JPG"]
        for path in (f"CLIP/{clip}.MP4", *beside):
            tree[f"{root}/{path}"] = essence(clip + path, 500 + frames)
        durations[f"{root}/CLIP/{clip}.MP4"] = frames * 1001 // 30
        said += _material(f"CLIP/{clip}.MP4", frames, "29.97p", "", beside)
    tree[f"{root}/MEDIAPRO.XML"] = _profile(said, "ILCE-7M3")
    tree[f"{root}/STATUS.BIN"] = b"\0" * 16
    tree["AVF_INFO/AVIN0001.INP"] = b"\0" * 32
    return Fixture(tree, durations)


def ex1() -> Fixture:
    """A Sony PMW-EX1: BPAV as Sony's Clip Browser describes it; a clip is a folder, with SMI, XML, BIM and PPN."""
    tree, durations, said = Tree(), {}, ""
    for clip, frames in (("709_0001_01", 100), ("709_0002_01", 150), ("709_0002_02", 60)):
        home = f"CLPR/{clip}"
        beside = [f"{home}/{clip}{ending}" for ending in (".SMI", "M01.XML", "R01.BIM", "I01.PPN")]
        for path in (f"{home}/{clip}.MP4", *beside):
            tree[f"BPAV/{path}"] = essence(path, 450 + frames)
        durations[f"BPAV/{home}/{clip}.MP4"] = frames * 40
        said += _material(f"{home}/{clip}.MP4", frames, "25p", "", beside)
    tree["BPAV/MEDIAPRO.XML"] = _profile(said, "PMW-EX1")
    tree["BPAV/CUEUP.XML"] = b"<cueUp/>"
    return Fixture(tree, durations)


def disc() -> Fixture:
    """A Professional Disc of XDCAM HD422, in the view of a drive: Clip, Sub, Edit and the tables in INDEX.XML."""
    tree, durations, clips = Tree(), {}, ""
    for clip, frames in (("C0001", 250), ("C0002", 500)):
        for path in (f"Clip/{clip}.MXF", f"Clip/{clip}M01.XML", f"Sub/{clip}S01.MXF"):
            tree[path] = essence(path, 400 + frames)
        durations |= {f"Clip/{clip}.MXF": frames * 40, f"Sub/{clip}S01.MXF": frames * 40}
        clips += (
            f'<clip clipId="{clip}" umid="060A2B340101010501010D4313{clip}" file="{clip}.MXF" fps="50i" dur="{frames}" '
            f'ch="8" aspectRatio="16:9"><video type="MPEG2HD50_1920_1080_422P@HL"/><audio type="LPCM24"/>'
            f'<subStream file="{clip}S01.MXF" type="PD-SubStream"/><meta file="{clip}M01.XML" type="PD-Meta"/></clip>'
        )
    tree["Edit/E0001E01.SMI"] = b"<smil/>"
    tables = f'<clipTable path="/Clip">{clips}</clipTable><editlistTable path="/Edit">'
    tables += '<editlist editlistId="E0001" file="E0001E01.SMI" dur="400" fps="50i"/></editlistTable>'
    tree["INDEX.XML"] = (
        '<?xml version="1.0" encoding="UTF-8"?><indexFile xmlns="urn:schemas-professionalDisc:index:ver.1.30" '
        f'indexId="01234567890123456789ABCDEF">{tables}</indexFile>'
    ).encode()
    tree |= {"ALIAS.XML": b"<alias/>", "DISCMETA.XML": b"<discInfo/>", "General/NOTE.TXT": b"free"}
    return Fixture(tree, durations)


def c300() -> Fixture:
    """A Canon C300: premierepro.org, "Canon XF folder structure and file naming explained"; a clip in three parts."""
    tree: Tree = {"CONTENTS/CLIPS001/INDEX.MIF": b"MI\1\1\2" + essence("mif", 400), "CONTENTS/JOURNAL/JRNL.BIN": b"\0"}
    for clip, parts in (("AA0041", 3), ("AA0042", 1), ("AA0043", 1)):
        home = f"CONTENTS/CLIPS001/{clip}"
        tree |= {f"{home}/{clip}.{ending}": essence(clip + ending) for ending in ("CIF", "XMP")}
        for part in range(1, parts + 1):
            names = (f"{clip}{part:02}.{ending}" for ending in ("MXF", "CPF", "SIF"))
            tree |= {f"{home}/{name}": essence(name, 700) for name in names}
    return Fixture(tree)


def epic() -> Fixture:
    """A RED magazine: a folder for each clip, with parts of 4 GB, its RMD, and the files of the magazine."""
    top, tree = "A001_0504LM.RDM", Tree()
    for clip, parts in (("A001_C001_0504LM", 2), ("A001_C002_0504T6", 4), ("A001_C003_0504X1", 1)):
        home = f"{top}/{clip}.RDC"
        tree |= {f"{home}/{clip}_{part:03}.R3D": essence(f"{clip}{part}", 900) for part in range(1, parts + 1)}
        tree[f"{home}/{clip}.RMD"] = b"<rmd/>"
    tree |= {f"{top}/digital_magazine.bin": b"\1" * 16, f"{top}/digital_magdynamic.bin": b"\2" * 16}
    return Fixture(tree)


def hero8() -> Fixture:
    """A GoPro HERO8: GoPro's own page on names: GH for H.264, two digits for the chapter, four for the recording."""
    home, tree = "DCIM/100GOPRO", Tree()
    for recording, chapters in (("0034", 3), ("0035", 1), ("0041", 2)):
        for chapter in range(1, chapters + 1):
            names = (
                f"GH{chapter:02}{recording}.MP4",
                f"GH{chapter:02}{recording}.THM",
                f"GL{chapter:02}{recording}.LRV",
            )
            tree |= {f"{home}/{name}": essence(name, 800) for name in names}
    tree[f"{home}/GOPR0036.JPG"] = essence("photo")
    tree |= {"Get_started_with_GoPro.url": b"[InternetShortcut]", "MISC/version.txt": b'{"camera type":"HERO8"}'}
    return Fixture(tree)


def avccam() -> Fixture:
    """AVCHD of an AVCCAM: BDMV with playlists of version 0100, one for each day; thumbnails lie beside."""
    root = "PRIVATE/AVCHD/BDMV"
    tree: Tree = {
        f"{root}/INDEX.BDM": b"INDX0100" + struct.pack(">II24xI26x", 40, 0, 26),
        f"{root}/MOVIEOBJ.BDM": b"MOBJ0100" + bytes(60),
    }
    for number, clips in enumerate((("00000", "00001"), ("00002",))):
        items = b""
        for clip in clips:
            tree[f"{root}/STREAM/{clip}.MTS"] = essence(f"mts{clip}", 192 * 6)
            tree[f"{root}/CLIPINF/{clip}.CPI"] = b"HDMV0100" + essence(f"cpi{clip}", 100)
            body = clip.encode() + b"M2TS" + struct.pack(">HBII", 1, 0, 90_000, 450_000) + bytes(12)
            items += struct.pack(">H", len(body)) + body
        listed = struct.pack(">HHH", 0, len(clips), 0) + items
        head = b"MPLS0100" + struct.pack(">III", 58, 58 + 4 + len(listed), 0) + bytes(38)
        tree[f"{root}/PLAYLIST/{number:05}.MPL"] = head + struct.pack(">I", len(listed)) + listed + bytes(6)
    tree |= {"PRIVATE/AVCHD/AVCHDTN/THUMB.TDT": b"TDT", "PRIVATE/AVCHD/AVCHDTN/THUMB.TID": b"TID"}
    return Fixture(tree)


def _sha1(content: bytes) -> str:
    return base64.b64encode(hashlib.sha1(content, usedforsecurity=False).digest()).decode()


def _map_and_list(
    folder: str, files: Mapping[str, tuple[str, bytes, str]], map_name: str, map_space: str, list_space: str
) -> Tree:
    """The packing list of files (name, content, type by id), and the asset map of these and of it."""
    listed = "".join(
        f"<Asset><Id>urn:uuid:{key}</Id><AnnotationText>{name}</AnnotationText><Hash>{_sha1(content)}</Hash>"
        f"<Size>{len(content)}</Size><Type>{kind}</Type><OriginalFileName>{name}</OriginalFileName></Asset>"
        for key, (name, content, kind) in files.items()
    )
    meta = "<IssueDate>2026-01-02T03:04:05+00:00</IssueDate><Issuer>Lab</Issuer><Creator>Mastering</Creator>"
    own = "5f0a7c1e-0000-4000-8000-0000000000aa"
    pkl = (
        f'<?xml version="1.0" encoding="UTF-8"?><PackingList xmlns="{list_space}"><Id>urn:uuid:{own}</Id>{meta}'
        f"<AssetList>{listed}</AssetList></PackingList>"
    ).encode()
    mapped = {**{key: (name, content) for key, (name, content, _) in files.items()}, own: ("PKL_film.xml", pkl)}
    chunks = "".join(
        f"<Asset><Id>urn:uuid:{key}</Id>{'<PackingList>true</PackingList>' if key == own else ''}<ChunkList><Chunk>"
        f"<Path>{name}</Path><VolumeIndex>1</VolumeIndex><Offset>0</Offset><Length>{len(content)}</Length></Chunk>"
        "</ChunkList></Asset>"
        for key, (name, content) in mapped.items()
    )
    tree = {f"{folder}/{name}": content for name, content in mapped.values()}
    tree[f"{folder}/{map_name}"] = (
        f'<?xml version="1.0" encoding="UTF-8"?><AssetMap xmlns="{map_space}"><Id>urn:uuid:{own[:-1]}b</Id>'
        f"<VolumeCount>1</VolumeCount>{meta}<AssetList>{chunks}</AssetList></AssetMap>"
    ).encode()
    tree[f"{folder}/{map_name.replace('ASSETMAP', 'VOLINDEX')}"] = b"<VolumeIndex><Index>1</Index></VolumeIndex>"
    return tree


def interop_dcp() -> Fixture:
    """An Interop DCP: ASSETMAP and VOLINDEX without extension, two reels, names of DCP-o-matic."""
    folder = "Film_FTR-1_F_EN-XX_51_2K_20260102_IOP_OV"
    ids = {name: f"5f0a7c1e-0000-4000-8000-00000000000{place}" for place, name in enumerate("PSQTC")}
    names = {"P": "j2c_1.mxf", "S": "pcm_1.mxf", "Q": "j2c_2.mxf", "T": "pcm_2.mxf"}
    reels = ""
    for picture, sound, frames in (("P", "S", 240), ("Q", "T", 480)):
        tracks = "".join(
            f"<{kind}><Id>urn:uuid:{ids[key]}</Id><EditRate>24 1</EditRate><IntrinsicDuration>{frames}"
            f"</IntrinsicDuration><EntryPoint>0</EntryPoint><Duration>{frames}</Duration></{kind}>"
            for kind, key in (("MainPicture", picture), ("MainSound", sound))
        )
        reels += f"<Reel><Id>urn:uuid:{ids[picture][:-2]}f{picture.lower()}</Id><AssetList>{tracks}</AssetList></Reel>"
    cpl = (
        '<?xml version="1.0" encoding="UTF-8"?><CompositionPlaylist xmlns="http://www.digicine.com/PROTO-ASDCP-CPL-'
        f'20040511#"><Id>urn:uuid:{ids["C"]}</Id><AnnotationText>{folder}</AnnotationText><IssueDate>2026-01-02T03:04:05'
        f"+00:00</IssueDate><ContentTitleText>{folder}</ContentTitleText><ContentKind>feature</ContentKind><RatingList/>"
        f"<ReelList>{reels}</ReelList></CompositionPlaylist>"
    ).encode()
    files = {
        ids[key]: (name, essence(name, 1_000 + ord(key)), "application/x-smpte-mxf") for key, name in names.items()
    }
    files[ids["C"]] = ("CPL_film.xml", cpl, "text/xml;asdcpKind=CPL")
    space = "http://www.digicine.com/PROTO-ASDCP-{}-2004{}#"
    tree = _map_and_list(folder, files, "ASSETMAP", space.format("AM", "0311"), space.format("PKL", "0311"))
    return Fixture(tree)


def imf_app2() -> Fixture:
    """An IMF package of Application 2E: ST 2067-2 and -3 with sequences in their own namespace."""
    folder = "MERIDIAN_IMP"
    ids = {key: f"0eb3d1b9-b77b-4d3f-bbe5-7c69b15dca8{place}" for place, key in enumerate(("image", "audio", "cpl"))}

    def sequence(kind: str, key: str) -> str:
        return (
            f'<cc:{kind} xmlns:cc="http://www.smpte-ra.org/schemas/2067-2/2013"><Id>urn:uuid:{ids[key][:-1]}e</Id>'
            f"<TrackId>urn:uuid:{ids[key][:-1]}f</TrackId><ResourceList><Resource><Id>urn:uuid:{ids[key][:-1]}d</Id>"
            "<EditRate>24000 1001</EditRate><IntrinsicDuration>240</IntrinsicDuration><EntryPoint>0</EntryPoint>"
            f"<SourceDuration>240</SourceDuration><TrackFileId>urn:uuid:{ids[key]}</TrackFileId></Resource>"
            f"</ResourceList></cc:{kind}>"
        )

    sequences = sequence("MainImageSequence", "image") + sequence("MainAudioSequence", "audio")
    cpl = (
        '<?xml version="1.0"?><CompositionPlaylist xmlns="http://www.smpte-ra.org/schemas/2067-3/2013">'
        f"<Id>urn:uuid:{ids['cpl']}</Id><ContentTitle>Meridian</ContentTitle><SegmentList>"
        f"<Segment><Id>urn:uuid:{ids['cpl'][:-1]}c</Id><SequenceList>{sequences}</SequenceList></Segment></SegmentList>"
        "</CompositionPlaylist>"
    ).encode()
    files = {
        ids["image"]: ("MERIDIAN_IMAGE.mxf", essence("imf image", 1_500), "application/mxf"),
        ids["audio"]: ("MERIDIAN_AUDIO.mxf", essence("imf audio", 900), "application/mxf"),
        ids["cpl"]: ("CPL_meridian.xml", cpl, "text/xml"),
    }
    space = "http://www.smpte-ra.org/schemas/{}/2007/{}"
    return Fixture(
        _map_and_list(folder, files, "ASSETMAP.xml", space.format("429-9", "AM"), space.format("429-8", "PKL"))
    )


def silverstack_mhl() -> Fixture:
    """A media hash list 1.1 as mediahashlist.org describes it: xxhash64be, sizes, dates, and who made it."""
    tree = {f"A003R2EC/{name}": essence(name) for name in ("A003C001.mxf", "A003C002.mxf", "A003C003.mxf")}
    hashes = "".join(
        f"<hash><file>{path.partition('/')[2]}</file><size>{len(content)}</size><lastmodificationdate>2026-01-02T03:04:05Z"
        f"</lastmodificationdate><xxhash64be>{xxhash.xxh64(content).hexdigest()}</xxhash64be><hashdate>2026-01-02T03:05:05Z"
        "</hashdate></hash>"
        for path, content in tree.items()
    )
    made = "<creatorinfo><name>Ada</name><username>ada</username><hostname>cart</hostname><tool>Copier 7</tool>"
    made += "<startdate>2026-01-02T03:00:00Z</startdate><finishdate>2026-01-02T03:06:00Z</finishdate></creatorinfo>"
    text = f'<?xml version="1.0" encoding="UTF-8"?><hashlist version="1.1">{made}{hashes}</hashlist>'
    return Fixture({**tree, "A003R2EC/A003R2EC_2026-01-02_030600.mhl": text.encode()})


def alexa() -> Fixture:
    """An ALEXA reel of ProRes with the log that the camera writes: A-camera, reel, clip, date and camera id."""
    clips = ["A001C001_140523_R3VJ", "A001C002_140523_R3VJ", "A001C003_140523_R3VJ"]
    tree = {f"A001R3VJ/{clip}.mov": essence(clip, 700) for clip in clips}
    rows = "".join(f"{clip}\tVA1A2\t{HOUR}\t01:00:10:00\tA001R3VJ\t{clip}.mov\r\n" for clip in clips)
    head = "Heading\r\nFIELD_DELIM\tTABS\r\nVIDEO_FORMAT\t1080\r\nAUDIO_FORMAT\t48khz\r\nFPS\t24\r\n\r\n"
    columns = "Column\r\nName\tTracks\tStart\tEnd\tTape\tSource File\r\n\r\nData\r\n"
    tree["A001R3VJ/A001R3VJ_AVID.ale"] = f"{head}{columns}{rows}".encode()
    return Fixture(tree)


DESCRIBED: dict[str, Callable[[], Fixture]] = {
    "p2 dv50": p2_dv50,
    "fx6": fx6,
    "a7": a7,
    "ex1": ex1,
    "disc": disc,
    "c300": c300,
    "epic": epic,
    "hero8": hero8,
    "avccam": avccam,
    "interop dcp": interop_dcp,
    "imf app2": imf_app2,
    "mhl 1.1": silverstack_mhl,
    "alexa": alexa,
}
"""Whole trees by the name of what made them."""
