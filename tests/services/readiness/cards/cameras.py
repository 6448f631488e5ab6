"""Cards of cameras: P2, XAVC, XDCAM and XDCAM EX."""

# A row of a table is one line.
# ruff: noqa: E501
# fmt: off

from uuid import NAMESPACE_URL, uuid5

from tests.services.readiness.cards.tree import (
    AGAINST,
    CAMERA,
    Fixture,
    Tree,
    cut,
    files,
    flip,
    junk,
    made,
    payload,
    put,
    remove,
    rename,
    swap,
    text,
    under,
)

# Panasonic P2

P2_FRAMES = 10
P2_OFFSET = 32768
P2_VIDEO = P2_FRAMES * 4096
P2_AUDIO = P2_FRAMES * 1920 * 2
P2_CLIPS = ("0001TK", "0002LA", "0003QZ")


def umid(name: str) -> str:
    """A UMID that is stable for a name."""
    return f"060A2B340101010501010D4313000000{uuid5(NAMESPACE_URL, name).hex.upper()}"


def p2_xml(clip: str, relation: str, proxy: bool) -> bytes:
    """CONTENTS/CLIP/*.XML, P2 clip metadata version 3.1."""
    audio = f"""
<Audio>
<AudioFormat>MXF</AudioFormat>
<SamplingRate>48000</SamplingRate>
<BitsPerSample>16</BitsPerSample>
<AudioIndex>
<StartByteOffset>{P2_OFFSET}</StartByteOffset>
<DataSize>{P2_AUDIO}</DataSize>
</AudioIndex>
</Audio>"""
    low = "\n<Proxy>\n<ProxyFormat>MP4</ProxyFormat>\n</Proxy>" if proxy else ""
    return text(f"""<?xml version="1.0" encoding="UTF-8" standalone="no" ?>
<P2Main xmlns="urn:schemas-Professional-Plug-in:P2:ClipMetadata:v3.1" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
<ClipContent>
<ClipName>{clip}</ClipName>
<GlobalClipID>{umid(clip)}</GlobalClipID>
<Duration>{P2_FRAMES}</Duration>
<EditUnit>1/25</EditUnit>{relation}
<EssenceList>
<Video ValidAudioFlag="false">
<VideoFormat>MXF</VideoFormat>
<Codec Class="100">AVC-I_1080/50i</Codec>
<FrameRate>50i</FrameRate>
<StartTimecode>10:00:00:00</StartTimecode>
<StartBinaryGroup>00000000</StartBinaryGroup>
<AspectRatio>16:9</AspectRatio>
<VideoIndex>
<StartByteOffset>{P2_OFFSET}</StartByteOffset>
<DataSize>{P2_VIDEO}</DataSize>
</VideoIndex>
</Video>{audio}{audio}
</EssenceList>
<ClipMetadata>
<UserClipName>{umid(clip)}</UserClipName>
<DataSource>SHOOTING</DataSource>
<Access>
<CreationDate>2024-01-15T12:00:00+00:00</CreationDate>
<LastUpdateDate>2024-01-15T12:00:00+00:00</LastUpdateDate>
</Access>
<Device>
<Manufacturer>Panasonic</Manufacturer>
<SerialNo.>A0TVA0001</SerialNo.>
<ModelName>AG-HPX255</ModelName>
</Device>
<Shoot>
<StartDate>2024-01-15T12:00:00+00:00</StartDate>
<EndDate>2024-01-15T12:00:00+00:00</EndDate>
</Shoot>
<Thumbnail>
<FrameOffset>0</FrameOffset>
<ThumbnailFormat>BMP</ThumbnailFormat>
<Width>80</Width>
<Height>60</Height>
</Thumbnail>{low}
</ClipMetadata>
</ClipContent>
</P2Main>
""")


def p2_relation(offset: int, **clips: str) -> str:
    """How a part of a spanned clip is connected: `Top`, `Previous` and `Next`."""
    parts = "".join(
        f"\n<{role}>\n<GlobalClipID>{umid(clip)}</GlobalClipID>\n<ClipName>{clip}</ClipName>\n<P2SerialNo.>AAA{clip}</P2SerialNo.>\n</{role}>"
        for role, clip in clips.items()
    )
    return (
        f"\n<Relation>\n<OffsetInShot>{offset}</OffsetInShot>\n<GlobalShotID>{umid('shot')}</GlobalShotID>"
        f"\n<Connection>{parts}\n</Connection>\n</Relation>"
    )


def p2_of(clips: tuple[str, ...], relations: dict[str, str] | None = None, proxy: bool = False) -> Tree:
    """A card with these clips."""
    tree: Tree = {f"CONTENTS/{folder}": None for folder in ("AUDIO", "CLIP", "ICON", "PROXY", "VIDEO", "VOICE")}
    for clip in clips:
        tree[f"CONTENTS/CLIP/{clip}.XML"] = p2_xml(clip, (relations or {}).get(clip, ""), proxy)
        tree |= files([f"CONTENTS/VIDEO/{clip}.MXF"], P2_OFFSET + P2_VIDEO + 512)
        tree |= files([f"CONTENTS/AUDIO/{clip}{channel:02}.MXF" for channel in range(2)], P2_OFFSET + P2_AUDIO + 512)
        tree |= files([f"CONTENTS/ICON/{clip}.BMP"])
        if proxy:
            tree |= files([f"CONTENTS/PROXY/{clip}.MP4", f"CONTENTS/PROXY/{clip}.BIN"])
    return tree | {"LASTCLIP.TXT": text(f"{clips[-1]}\n1.0\n{len(clips)}\n")}


def p2() -> Tree:
    return p2_of(P2_CLIPS)


def p2_proxies() -> Tree:
    return p2_of(P2_CLIPS, proxy=True)


def p2_first_card(following: str = "0001WM") -> Tree:
    return p2_of(P2_CLIPS, {"0003QZ": p2_relation(0, Top="0003QZ", Next=following)})


def p2_first_card_alone() -> Tree:
    return p2_first_card("0001VN")


def p2_both_cards() -> Tree:
    second = p2_of(("0001WM",), {"0001WM": p2_relation(P2_FRAMES, Top="0003QZ", Previous="0003QZ")})
    return under("A001", p2_first_card()) | under("A002", second)


P2 = (
    Fixture("p2-whole", "P2", made(p2), "proven", "Each clip XML states its essence and icon, all are there, and the numbers reach LASTCLIP.TXT without a hole.", CAMERA),
    Fixture("p2-junk-whole", "P2", made(p2, junk("CONTENTS", "CONTENTS/VIDEO")), "proven", "Files of the desktop are named by no clip XML and take nothing away.", CAMERA),
    Fixture("p2-avclip-whole", "P2", made(p2, put("CONTENTS/AVCLIP", None)), "proven", "Newer cameras add the folder AVCLIP to a card, which may stay empty.", CAMERA),
    Fixture("p2-proxies-whole", "P2", made(p2_proxies), "proven", "Clips with a Proxy element have their files in PROXY.", CAMERA),
    Fixture("p2-spanned-both-whole", "P2", made(p2_both_cards), "proven", "Connection names the next part, which is on the second card in the same folder; each card counts its clips from one.", CAMERA),
    Fixture("p2-spanned-one", "P2", made(p2_first_card_alone), "not provable", "Connection/Next of 0003QZ names 0001VN, which is on another card.", CAMERA),
    Fixture("p2-content-alone", "P2", made(p2), "not provable", "P2 metadata has no sums, so an index alone proves no content."),
    Fixture("p2-against-whole", "P2", made(p2), "proven", "The copy is the card, byte by byte.", AGAINST, other=made(p2)),
    Fixture("p2-against-junk-whole", "P2", made(p2, junk()), "proven", "The copy has junk that the card does not have, which needs no evidence.", AGAINST, other=made(p2)),
    Fixture("p2-against-flipped", "P2", made(p2, flip("CONTENTS/AUDIO/0002LA00.MXF")), "refuted", "One bit differs from the card.", AGAINST, ("CONTENTS/AUDIO/0002LA00.MXF",), made(p2)),
    Fixture("p2-against-swapped", "P2", made(p2, swap("CONTENTS/VIDEO/0001TK.MXF", "CONTENTS/VIDEO/0003QZ.MXF")), "refuted", "Both have the stated size, yet each differs from the card.", AGAINST, ("CONTENTS/VIDEO/0001TK.MXF", "CONTENTS/VIDEO/0003QZ.MXF"), made(p2)),
    Fixture("p2-against-missing-clip", "P2", made(p2, remove("CONTENTS/CLIP/0003QZ*", "CONTENTS/VIDEO/0003QZ*", "CONTENTS/AUDIO/0003QZ*", "CONTENTS/ICON/0003QZ*")), "refuted", "The card has a clip that the copy does not have.", AGAINST, ("CONTENTS/VIDEO/0003QZ.MXF", "CONTENTS/CLIP/0003QZ.XML"), made(p2)),
    Fixture("p2-audio-missing", "P2", made(p2, remove("CONTENTS/AUDIO/0002LA01.MXF")), "refuted", "The clip XML has two Audio elements, so 0002LA has a second sound file.", CAMERA, ("CONTENTS/AUDIO/0002LA01.MXF",)),
    Fixture("p2-icon-missing", "P2", made(p2, remove("CONTENTS/ICON/0001TK.BMP")), "refuted", "The Thumbnail element states an icon in BMP.", CAMERA, ("CONTENTS/ICON/0001TK.BMP",)),
    Fixture("p2-proxy-missing", "P2", made(p2_proxies, remove("CONTENTS/PROXY/0002LA.MP4")), "refuted", "The Proxy element states an MP4 of 0002LA.", CAMERA, ("CONTENTS/PROXY/0002LA.MP4",)),
    Fixture("p2-video-truncated", "P2", made(p2, cut("CONTENTS/VIDEO/0002LA.MXF", P2_OFFSET + P2_VIDEO - 1000)), "refuted", "The file is shorter than StartByteOffset and DataSize of VideoIndex.", CAMERA, ("CONTENTS/VIDEO/0002LA.MXF",)),
    Fixture("p2-audio-truncated", "P2", made(p2, cut("CONTENTS/AUDIO/0003QZ01.MXF", P2_OFFSET + 1)), "refuted", "The file is shorter than StartByteOffset and DataSize of AudioIndex.", CAMERA, ("CONTENTS/AUDIO/0003QZ01.MXF",)),
    Fixture("p2-video-audio-swapped", "P2", made(p2, swap("CONTENTS/VIDEO/0001TK.MXF", "CONTENTS/AUDIO/0001TK00.MXF")), "refuted", "Picture and sound under each other's names: VIDEO is shorter than its essence.", CAMERA, ("CONTENTS/VIDEO/0001TK.MXF",)),
    Fixture("p2-video-renamed", "P2", made(p2, rename("CONTENTS/VIDEO/0001TK.MXF", "CONTENTS/VIDEO/0001TK (1).MXF")), "refuted", "ClipName states the names of the essence.", CAMERA, ("CONTENTS/VIDEO/0001TK.MXF",)),
    Fixture("p2-xml-missing", "P2", made(p2, remove("CONTENTS/CLIP/0002LA.XML")), "refuted", "Essence of 0002LA is there without its clip XML (unsure: no index names the XML itself, so it may be not provable).", CAMERA, ("CONTENTS/CLIP/0002LA.XML",)),
    Fixture("p2-xml-truncated", "P2", made(p2, cut("CONTENTS/CLIP/0002LA.XML", 700)), "refuted", "A clip XML that ends early was damaged on the way.", CAMERA, ("CONTENTS/CLIP/0002LA.XML",)),
    Fixture("p2-clip-gone", "P2", made(p2, remove("CONTENTS/CLIP/0002LA*", "CONTENTS/VIDEO/0002LA*", "CONTENTS/AUDIO/0002LA*", "CONTENTS/ICON/0002LA*")), "not provable", "No 0002: it was deleted in the camera or lost, and nothing on the card states which.", CAMERA),
    Fixture("p2-last-clip-gone", "P2", made(p2, remove("CONTENTS/CLIP/0003QZ*", "CONTENTS/VIDEO/0003QZ*", "CONTENTS/AUDIO/0003QZ*", "CONTENTS/ICON/0003QZ*")), "not provable", "LASTCLIP.TXT states 0003QZ, which was deleted in the camera or lost (unsure: it may be refuted, if a camera rewrites the file when it deletes the last clip).", CAMERA),
    Fixture("p2-lastclip-missing", "P2", made(p2, remove("LASTCLIP.TXT")), "not provable", "Without LASTCLIP.TXT nothing states which clip was the last.", CAMERA),
)

# Sony: media profile

SONY = "http://xmlns.sony.net/pro/metadata/mediaprofile"


def media_profile(kind: str, master: str, medium: str, materials: str) -> bytes:
    """MEDIAPRO.XML."""
    return text(f"""<?xml version="1.0" encoding="UTF-8"?>
<MediaProfile xmlns="{SONY}" createdAt="2024-01-15T12:00:00Z" version="2.10">
\t<Properties>
\t\t<System systemId="0800460202A38A7F" systemKind="{kind}" masterVersion="{master}"/>
\t\t<Attached mediaId="0491D4D8358705DF8A7F0800460202A3" mediaKind="{medium}" mediaName=""/>
\t</Properties>
\t<Contents>
{materials}\t</Contents>
</MediaProfile>
""")


def material(uri: str, kind: str, children: str, duration: int = 250) -> str:
    """A clip in MEDIAPRO.XML. `children` are its elements."""
    return (
        f'\t\t<Material uri="{uri}" type="{kind}" offset="0" dur="{duration}" fps="25p" aspectRatio="16:9" ch="4" '
        f'videoType="AVC100CBG_1920_1080_H422IP@L41" audioType="LPCM24" umid="{umid(uri)}" status="none">\n{children}\t\t</Material>\n'
    )


def relevant(uri: str, kind: str) -> str:
    return f'\t\t\t<RelevantInfo uri="{uri}" type="{kind}"/>\n'


def proxy_of(uri: str, kind: str) -> str:
    return f'\t\t\t<Proxy uri="{uri}" type="{kind}" fps="25p" aspectRatio="16:9" ch="2" umid="{umid(uri)}"/>\n'


def clip_meta(duration: int = 250) -> bytes:
    """*M01.XML, the non-real-time metadata of a clip."""
    return text(f"""<?xml version="1.0" encoding="UTF-8"?>
<NonRealTimeMeta xmlns="urn:schemas-professionalDisc:nonRealTimeMeta:ver.2.00" lastUpdate="2024-01-15T12:00:00Z">
\t<Duration value="{duration}"/>
\t<CreationDate value="2024-01-15T12:00:00Z"/>
\t<Device manufacturer="Sony" modelName="PXW-FS7M2" serialNo="0010001"/>
</NonRealTimeMeta>
""")


def xavc_of(proxies: bool = False, thumbnails: bool = True) -> Tree:
    """XDROOT of a Sony XAVC card."""
    tree: Tree = {f"XDROOT/{folder}": None for folder in ("Clip", "Edit", "General", "Sub", "Take", "Thmbnl", "UserData")}
    materials = ""
    for number in (1, 2, 3):
        clip = f"A001C00{number}_240115XA"
        tree |= files([f"XDROOT/Clip/{clip}.MXF", f"XDROOT/Clip/{clip}R01.BIM"])
        tree[f"XDROOT/Clip/{clip}M01.XML"] = clip_meta()
        children = ""
        if proxies:
            tree |= files([f"XDROOT/Sub/{clip}S03.MP4"])
            children = proxy_of(f"./Sub/{clip}S03.MP4", "MP4")
        children += relevant(f"./Clip/{clip}M01.XML", "XML") + relevant(f"./Clip/{clip}R01.BIM", "BiM")
        if thumbnails:
            tree |= files([f"XDROOT/Thmbnl/{clip}T01.JPG"])
            children += relevant(f"./Thmbnl/{clip}T01.JPG", "JPG")
        materials += material(f"./Clip/{clip}.MXF", "MXF", children)
    tree["XDROOT/MEDIAPRO.XML"] = media_profile("PXW-FS7M2 ver.1.220", "XAVC-XD@1.10.00", "ProfessionalDisc", materials)
    tree["XDROOT/CUEUP.XML"] = b"\xff" * 512
    return tree | {"XDROOT/DISCMETA.XML": text('<?xml version="1.0" encoding="UTF-8"?>\n<discMeta xmlns="urn:schemas-professionalDisc:discMeta:ver.1.00"/>\n')}


def xavc() -> Tree:
    return xavc_of()


def xavc_proxies() -> Tree:
    return xavc_of(proxies=True)


def xavc_bare() -> Tree:
    return xavc_of(thumbnails=False)


def xavc_s() -> Tree:
    """M4ROOT of a consumer card, as XAVC S cameras write it."""
    root = "PRIVATE/M4ROOT"
    tree: Tree = {f"{root}/{folder}": None for folder in ("CLIP", "GENERAL", "SUB", "THMBNL")}
    tree["DCIM"] = None
    materials = ""
    for number in (1, 2):
        clip = f"C000{number}"
        tree |= files([f"{root}/CLIP/{clip}.MP4", f"{root}/THMBNL/{clip}T01.JPG"]) | {f"{root}/CLIP/{clip}M01.XML": clip_meta()}
        children = relevant(f"./CLIP/{clip}M01.XML", "XML") + relevant(f"./THMBNL/{clip}T01.JPG", "JPG")
        materials += material(f"./CLIP/{clip}.MP4", "MP4", children)
    tree[f"{root}/MEDIAPRO.XML"] = media_profile("ILCE-7M3", "XAVC-M4@1.10.00", "AffordableMemoryCard", materials)
    return tree | {f"{root}/STATUS.BIN": payload("STATUS.BIN", 256)}


XAVC_SECOND = "XDROOT/Clip/A001C002_240115XA.MXF"
XAVC = (
    Fixture("xavc-whole", "XAVC", made(xavc), "proven", "Every uri of MEDIAPRO.XML is there; Sub and Edit are empty, since no Material has a Proxy.", CAMERA),
    Fixture("xavc-proxies-whole", "XAVC", made(xavc_proxies, junk("XDROOT/Clip")), "proven", "Every uri is there, the proxies too.", CAMERA),
    Fixture("xavc-thumbnails-empty-whole", "XAVC", made(xavc_bare), "proven", "Thmbnl is empty, and MEDIAPRO.XML names no thumbnail.", CAMERA),
    Fixture("xavc-s-whole", "XAVC", made(xavc_s), "proven", "The same index in M4ROOT; DCIM, SUB and GENERAL are empty.", CAMERA),
    Fixture("xavc-clip-missing", "XAVC", made(xavc, remove(XAVC_SECOND)), "refuted", "Material names it.", CAMERA, (XAVC_SECOND,)),
    Fixture("xavc-proxy-missing", "XAVC", made(xavc_proxies, remove("XDROOT/Sub/A001C003_240115XAS03.MP4")), "refuted", "Proxy names it.", CAMERA, ("XDROOT/Sub/A001C003_240115XAS03.MP4",)),
    Fixture("xavc-meta-and-thumb-missing", "XAVC", made(xavc, remove("XDROOT/Clip/A001C001_240115XAM01.XML", "XDROOT/Thmbnl/A001C001_240115XAT01.JPG")), "refuted", "RelevantInfo names both.", CAMERA, ("XDROOT/Clip/A001C001_240115XAM01.XML", "XDROOT/Thmbnl/A001C001_240115XAT01.JPG")),
    Fixture("xavc-clip-renamed", "XAVC", made(xavc, rename(XAVC_SECOND, "XDROOT/Clip/Interview.MXF")), "refuted", "Material names the file as the camera did.", CAMERA, (XAVC_SECOND,)),
    Fixture("xavc-index-truncated", "XAVC", made(xavc, cut("XDROOT/MEDIAPRO.XML", 900)), "refuted", "An index that ends early was damaged on the way.", CAMERA, ("XDROOT/MEDIAPRO.XML",)),
    Fixture("xavc-index-missing", "XAVC", made(xavc, remove("XDROOT/MEDIAPRO.XML")), "not provable", "Without MEDIAPRO.XML nothing states which clips there are.", CAMERA),
    Fixture("xavc-clip-empty", "XAVC", made(xavc, cut(XAVC_SECOND, 0)), "refuted", "Nothing of a clip of 250 frames is there (unsure: MEDIAPRO.XML states no size, only dur).", CAMERA, (XAVC_SECOND,)),
    Fixture("xavc-flipped-alone", "XAVC", made(xavc, flip(XAVC_SECOND)), "not provable", "MEDIAPRO.XML states no sums, so the flipped bit cannot be seen and nothing proves content."),
    Fixture("xavc-against-flipped", "XAVC", made(xavc, flip(XAVC_SECOND)), "refuted", "One bit differs from the card.", AGAINST, (XAVC_SECOND,), made(xavc)),
    Fixture("xavc-s-clip-missing", "XAVC", made(xavc_s, remove("PRIVATE/M4ROOT/CLIP/C0002.MP4")), "refuted", "Material names it.", CAMERA, ("PRIVATE/M4ROOT/CLIP/C0002.MP4",)),
)

# Sony XDCAM disc


def xdcam_of(index: bool) -> Tree:
    """A disc as file access mode shows it."""
    tree: Tree = {"Edit": None, "General": None, "UserData": None}
    materials = table = ""
    for number in (1, 2, 3):
        clip = f"C000{number}"
        tree |= files([f"Clip/{clip}.MXF", f"Sub/{clip}S01.MXF"]) | {f"Clip/{clip}M01.XML": clip_meta()}
        children = proxy_of(f"./Sub/{clip}S01.MXF", "MXF") + relevant(f"./Clip/{clip}M01.XML", "XML")
        materials += material(f"./Clip/{clip}.MXF", "MXF", children)
        table += proav_clip(clip)
    tree["MEDIAPRO.XML"] = media_profile("PDW-F800 ver.1.700", "XDCAM@1.20", "ProfessionalDisc", materials)
    tree["DISCMETA.XML"] = text('<?xml version="1.0" encoding="UTF-8"?>\n<discMeta xmlns="urn:schemas-professionalDisc:discMeta:ver.1.00"/>\n')
    if index:
        tree |= {"INDEX.XML": disc_index(table), "ALIAS.XML": text('<?xml version="1.0" encoding="UTF-8"?>\n<aliasTable xmlns="urn:schemas-professionalDisc:alias:ver.1.00"/>\n')}
    return tree


def proav_clip(clip: str) -> str:
    """A clip in INDEX.XML, with one file for each essence."""
    sounds = "".join(
        f'\t\t\t<audio umid="{umid(f"{clip}A{track}")}" file="{clip}A0{track}.MXF" type="LPCM16" header="65536" trackDst="CH{track}"/>\n'
        for track in (1, 2)
    )
    return (
        f'\t\t<clip clipId="{umid(clip)[-32:]}" umid="{umid(clip)}" file="{clip}C01.SMI" fps="25p" dur="250" ch="2" aspectRatio="16:9">\n'
        f'\t\t\t<video umid="{umid(clip + "V")}" file="{clip}V01.MXF" type="IMX50" header="65536"/>\n{sounds}'
        f'\t\t\t<subStream umid="{umid(clip + "S")}" file="{clip}S01.MXF" type="PD-EDL" header="65536"/>\n'
        f'\t\t\t<rtmeta file="{clip}R01.BIM" type="ReducedLinear" header="65536"/>\n'
        f'\t\t\t<meta file="{clip}M01.XML" type="PD-Meta"/>\n\t\t</clip>\n'
    )


def disc_index(table: str) -> bytes:
    """INDEX.XML of a Professional Disc."""
    return text(
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<indexFile xmlns="urn:schemas-professionalDisc:index:ver.1.10" indexId="0123456789ABCDEF0123456789ABCDEF">\n'
        f'\t<clipTable path="/PROAV/CLPR">\n{table}\t</clipTable>\n\t<editlistTable path="/PROAV/EDTR"/>\n</indexFile>\n'
    )


def xdcam() -> Tree:
    return xdcam_of(index=True)


def xdcam_profile() -> Tree:
    return xdcam_of(index=False)


def proav() -> Tree:
    """The folder PROAV of a disc, with one file for each essence and INDEX.XML as its only index."""
    tree: Tree = {"PROAV/EDTR": None, "General": None}
    for clip in ("C0001", "C0002"):
        parts = ("C01.SMI", "V01.MXF", "A01.MXF", "A02.MXF", "S01.MXF", "R01.BIM")
        tree |= files(f"PROAV/CLPR/{clip}/{clip}{part}" for part in parts) | {f"PROAV/CLPR/{clip}/{clip}M01.XML": clip_meta()}
    return tree | {"PROAV/INDEX.XML": disc_index(proav_clip("C0001") + proav_clip("C0002"))}


XDCAM = (
    Fixture("xdcam-profile-whole", "XDCAM disc", made(xdcam_profile), "proven", "Every uri of MEDIAPRO.XML is there.", CAMERA),
    Fixture("xdcam-whole", "XDCAM disc", made(xdcam), "proven", "Every uri of MEDIAPRO.XML is there (unsure: INDEX.XML names the essence by its path in PROAV, which file access mode does not show).", CAMERA),
    Fixture("xdcam-clip-missing", "XDCAM disc", made(xdcam_profile, remove("Clip/C0002.MXF")), "refuted", "Material names it.", CAMERA, ("Clip/C0002.MXF",)),
    Fixture("xdcam-proxy-missing", "XDCAM disc", made(xdcam_profile, remove("Sub/C0003S01.MXF")), "refuted", "Proxy names it.", CAMERA, ("Sub/C0003S01.MXF",)),
    Fixture("xdcam-profile-truncated", "XDCAM disc", made(xdcam_profile, cut("MEDIAPRO.XML", 800)), "refuted", "An index that ends early was damaged on the way.", CAMERA, ("MEDIAPRO.XML",)),
    Fixture("xdcam-index-truncated", "XDCAM disc", made(xdcam, cut("INDEX.XML", 800)), "refuted", "An index that ends early was damaged on the way.", CAMERA, ("INDEX.XML",)),
    Fixture("xdcam-proav-whole", "XDCAM disc", made(proav), "proven", "INDEX.XML names every file of both clips (unsure: its form is known from patents only).", CAMERA),
    Fixture("xdcam-proav-audio-missing", "XDCAM disc", made(proav, remove("PROAV/CLPR/C0002/C0002A02.MXF")), "refuted", "An audio element of INDEX.XML names it (unsure: its form is known from patents only).", CAMERA, ("PROAV/CLPR/C0002/C0002A02.MXF",)),
)

# Sony XDCAM EX


def ex() -> Tree:
    """BPAV of a card with two clips, and a take whose clip has two parts."""
    tree: Tree = {"BPAV/CLPR": None, "BPAV/TAKR": None, "BPAV/CUEUP.XML": b"\xff" * 512}
    materials = ""
    for clip in ("813_0001_01", "813_0002_01", "813_0003_01", "813_0003_02"):
        base = f"CLPR/{clip}/{clip}"
        tree |= files(f"BPAV/{base}{end}" for end in (".MP4", ".SMI", "R01.BIM", "I01.PPN")) | {f"BPAV/{base}M01.XML": clip_meta()}
        children = f'\t\t\t<Component uri="./{base}.MP4" type="MP4" umid="{umid(clip)}"/>\n'
        children += relevant(f"./{base}M01.XML", "XML") + relevant(f"./{base}R01.BIM", "BiM") + relevant(f"./{base}I01.PPN", "PPN")
        materials += material(f"./{base}.SMI", "SMI", children)
    take = "TAKR/813_0003/813_0003"
    tree |= files([f"BPAV/{take}.SMI", f"BPAV/{take}U01.SMI"]) | {f"BPAV/{take}M01.XML": clip_meta(500)}
    materials += material(f"./{take}.SMI", "SMI", relevant(f"./{take}M01.XML", "XML") + relevant(f"./{take}U01.SMI", "SMI"), 500)
    return tree | {"BPAV/MEDIAPRO.XML": media_profile("PMW-EX1R ver.1.20", "XDCAM-EX@1.10", "SxS", materials)}


EX = (
    Fixture("ex-spanned-whole", "XDCAM EX", made(ex), "proven", "Every uri is there, of the spanned take too.", CAMERA),
    Fixture("ex-mp4-missing", "XDCAM EX", made(ex, remove("BPAV/CLPR/813_0002_01/813_0002_01.MP4")), "refuted", "Component names it.", CAMERA, ("BPAV/CLPR/813_0002_01/813_0002_01.MP4",)),
    Fixture("ex-second-part-missing", "XDCAM EX", made(ex, remove("BPAV/CLPR/813_0003_02/*")), "refuted", "Material and Component name the second part of 813_0003.", CAMERA, ("BPAV/CLPR/813_0003_02/813_0003_02.MP4", "BPAV/CLPR/813_0003_02/813_0003_02.SMI")),
    Fixture("ex-picture-pointer-missing", "XDCAM EX", made(ex, remove("BPAV/CLPR/813_0001_01/813_0001_01I01.PPN")), "refuted", "RelevantInfo names it.", CAMERA, ("BPAV/CLPR/813_0001_01/813_0001_01I01.PPN",)),
    Fixture("ex-index-truncated", "XDCAM EX", made(ex, cut("BPAV/MEDIAPRO.XML", 1200)), "refuted", "An index that ends early was damaged on the way.", CAMERA, ("BPAV/MEDIAPRO.XML",)),
    Fixture("ex-against-truncated", "XDCAM EX", made(ex, cut("BPAV/CLPR/813_0001_01/813_0001_01.MP4", 2000)), "refuted", "The copy is shorter than the card.", AGAINST, ("BPAV/CLPR/813_0001_01/813_0001_01.MP4",), made(ex)),
)

PROFESSIONAL_CARDS = P2 + XAVC + XDCAM + EX
