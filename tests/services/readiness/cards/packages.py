"""Packages of mastering: DCP (SMPTE and Interop) and IMF."""

# A row of a table is one line.
# ruff: noqa: E501
# fmt: off

import base64
import hashlib
from dataclasses import dataclass
from uuid import NAMESPACE_URL, uuid5

from tests.services.readiness.cards.tree import (
    READ,
    Fixture,
    Tree,
    content_of,
    cut,
    flip,
    junk,
    made,
    payload,
    put,
    remove,
    rename,
    replace,
    sha1_base64,
    swap,
    text,
    under,
)

COMPLETE = ("--level", "complete")
DATE = "2024-01-15T12:00:00+00:00"


@dataclass(frozen=True)
class Standard:
    """Namespaces and names of files in a kind of package."""

    map_name: str
    volume_name: str
    map_space: str
    packing_space: str
    composition_space: str
    composition_type: str
    track_type: str
    imf: bool = False


SMPTE = Standard(
    "ASSETMAP.xml", "VOLINDEX.xml", "http://www.smpte-ra.org/schemas/429-9/2007/AM", "http://www.smpte-ra.org/schemas/429-8/2007/PKL",
    "http://www.smpte-ra.org/schemas/429-7/2006/CPL", "text/xml", "application/mxf",
)
INTEROP = Standard(
    "ASSETMAP", "VOLINDEX", "http://www.digicine.com/PROTO-ASDCP-AM-20040311#", "http://www.digicine.com/PROTO-ASDCP-PKL-20040311#",
    "http://www.digicine.com/PROTO-ASDCP-CPL-20040511#", "text/xml;asdcpKind=CPL", "application/x-smpte-mxf;asdcpKind=Picture",
)
IMF = Standard(
    "ASSETMAP.xml", "VOLINDEX.xml", "http://www.smpte-ra.org/schemas/429-9/2007/AM", "http://www.smpte-ra.org/schemas/2067-2/2016/PKL",
    "http://www.smpte-ra.org/schemas/2067-3/2016", "text/xml", "application/mxf", imf=True,
)


def urn(name: str) -> str:
    """An identity that is stable for a name."""
    return f"urn:uuid:{uuid5(NAMESPACE_URL, name)}"


def package(standard: Standard, title: str, assets: Tree, algorithm: str = "sha1") -> Tree:
    """`assets` with the packing list and the asset map of them. The identity of an asset is that of its path."""
    listed = mapped = ""
    for path, content in assets.items():
        assert content is not None
        kind = standard.composition_type if path.startswith("CPL") else "text/xml" if path.endswith(".xml") else standard.track_type
        kind = "application/ttf" if path.endswith(".ttf") else kind
        digest = base64.b64encode(hashlib.new(algorithm, content).digest()).decode()
        listed += (
            f"    <Asset>\n      <Id>{urn(path)}</Id>\n      <AnnotationText>{path}</AnnotationText>\n      <Hash>{digest}</Hash>\n"
            f"      <Size>{len(content)}</Size>\n      <Type>{kind}</Type>\n      <OriginalFileName>{path}</OriginalFileName>\n"
        )
        if standard.imf:
            method = {"sha1": "http://www.w3.org/2000/09/xmldsig#sha1", "sha256": "http://www.w3.org/2001/04/xmlenc#sha256"}[algorithm]
            listed += f'      <HashAlgorithm Algorithm="{method}"/>\n'
        listed += "    </Asset>\n"
        mapped += map_entry(urn(path), path, len(content), "")
    packing = f"PKL_{uuid5(NAMESPACE_URL, title)}.xml"
    head = f"<AnnotationText>{title}</AnnotationText>"
    by = "<Issuer>Example Lab</Issuer>"
    creator = "<Creator>Example Mastering 1.0</Creator>"
    packing_list = text(
        f'<?xml version="1.0" encoding="UTF-8"?>\n<PackingList xmlns="{standard.packing_space}">\n  <Id>{urn(packing)}</Id>\n  {head}\n'
        f"  <IssueDate>{DATE}</IssueDate>\n  {by}\n  {creator}\n  <AssetList>\n{listed}  </AssetList>\n</PackingList>\n"
    )
    flag = "      <PackingList></PackingList>\n" if standard is INTEROP else "      <PackingList>true</PackingList>\n"
    asset_map = text(
        f'<?xml version="1.0" encoding="UTF-8"?>\n<AssetMap xmlns="{standard.map_space}">\n  <Id>{urn(title + " map")}</Id>\n  {head}\n'
        f"  {creator}\n  <VolumeCount>1</VolumeCount>\n  <IssueDate>{DATE}</IssueDate>\n  {by}\n  <AssetList>\n"
        f"{map_entry(urn(packing), packing, len(packing_list), flag)}{mapped}  </AssetList>\n</AssetMap>\n"
    )
    volume = text(f'<?xml version="1.0" encoding="UTF-8"?>\n<VolumeIndex xmlns="{standard.map_space}">\n  <Index>1</Index>\n</VolumeIndex>\n')
    return assets | {packing: packing_list, standard.map_name: asset_map, standard.volume_name: volume}


def map_entry(identity: str, path: str, size: int, flag: str) -> str:
    """An Asset of an asset map."""
    return (
        f"    <Asset>\n      <Id>{identity}</Id>\n{flag}      <ChunkList>\n        <Chunk>\n          <Path>{path}</Path>\n"
        f"          <VolumeIndex>1</VolumeIndex>\n          <Offset>0</Offset>\n          <Length>{size}</Length>\n"
        "        </Chunk>\n      </ChunkList>\n    </Asset>\n"
    )


# DCP

FILM = "Film_FTR-1_F_EN-XX_51_2K_EX_20240115_EXA"


def composition(standard: Standard, title: str, reels: list[dict[str, tuple[str, int]]]) -> bytes:
    """A CPL of a DCP. Each reel has the path and the duration of its MainPicture, MainSound and MainSubtitle."""
    listed = ""
    for number, reel in enumerate(reels, 1):
        assets = ""
        for role, (path, duration) in reel.items():
            shape = ""
            if role == "MainPicture":
                ratio = "1.85" if standard is INTEROP else "1998 1080"
                shape = f"          <FrameRate>24 1</FrameRate>\n          <ScreenAspectRatio>{ratio}</ScreenAspectRatio>\n"
            assets += (
                f"        <{role}>\n          <Id>{urn(path)}</Id>\n          <EditRate>24 1</EditRate>\n"
                f"          <IntrinsicDuration>{duration}</IntrinsicDuration>\n          <EntryPoint>0</EntryPoint>\n"
                f"          <Duration>{duration}</Duration>\n{shape}        </{role}>\n"
            )
        listed += f"    <Reel>\n      <Id>{urn(f'{title} reel {number}')}</Id>\n      <AssetList>\n{assets}      </AssetList>\n    </Reel>\n"
    version = f"  <ContentVersion>\n    <Id>{urn(title + ' version')}</Id>\n    <LabelText>{title}</LabelText>\n  </ContentVersion>\n"
    return text(
        f'<?xml version="1.0" encoding="UTF-8"?>\n<CompositionPlaylist xmlns="{standard.composition_space}">\n'
        f"  <Id>{urn(f'CPL_{title}.xml')}</Id>\n  <AnnotationText>{title}</AnnotationText>\n  <IssueDate>{DATE}</IssueDate>\n"
        f"  <Issuer>Example Lab</Issuer>\n  <Creator>Example Mastering 1.0</Creator>\n  <ContentTitleText>{title}</ContentTitleText>\n"
        f"  <ContentKind>feature</ContentKind>\n{'' if standard is INTEROP else version}  <RatingList/>\n"
        f"  <ReelList>\n{listed}  </ReelList>\n</CompositionPlaylist>\n"
    )


def tracks(*names: str) -> Tree:
    """Track files."""
    return {name: payload(name, 4096) for name in names}


def dcp_of(sound: int = 240, second: bool = False) -> Tree:
    """Two reels of 240 frames, and a second composition of the first reel only if so."""
    reels = [
        {"MainPicture": ("j2c_r1.mxf", 240), "MainSound": ("pcm_r1.mxf", sound)},
        {"MainPicture": ("j2c_r2.mxf", 240), "MainSound": ("pcm_r2.mxf", 240)},
    ]
    assets = tracks("j2c_r1.mxf", "pcm_r1.mxf", "j2c_r2.mxf", "pcm_r2.mxf") | {CPL: composition(SMPTE, FILM, reels)}
    if second:
        assets[f"CPL_{FILM}_Short.xml"] = composition(SMPTE, f"{FILM}_Short", reels[:1])
    return package(SMPTE, FILM, assets)


CPL = f"CPL_{FILM}.xml"
PKL = f"PKL_{uuid5(NAMESPACE_URL, FILM)}.xml"


def dcp() -> Tree:
    return dcp_of()


def dcp_two() -> Tree:
    return dcp_of(second=True)


def dcp_unequal() -> Tree:
    return dcp_of(sound=239)


def dcp_interop() -> Tree:
    """One reel with subtitles, which are XML with a font next to it."""
    subtitle = text(
        '<?xml version="1.0" encoding="UTF-8"?>\n<DCSubtitle Version="1.0">\n'
        f"  <SubtitleID>{urn('sub/sub_r1.xml').removeprefix('urn:uuid:')}</SubtitleID>\n  <MovieTitle>Film</MovieTitle>\n"
        '  <ReelNumber>1</ReelNumber>\n  <Language>English</Language>\n  <LoadFont Id="Font1" URI="font.ttf"/>\n  <Font Id="Font1" Size="42">\n'
        '    <Subtitle SpotNumber="1" TimeIn="00:00:01:000" TimeOut="00:00:03:000" FadeUpTime="0" FadeDownTime="0">\n'
        '      <Text HAlign="center" HPosition="0.0" VAlign="bottom" VPosition="8.0">Good evening.</Text>\n    </Subtitle>\n  </Font>\n</DCSubtitle>\n'
    )
    reel = {"MainPicture": ("j2c_r1.mxf", 240), "MainSound": ("pcm_r1.mxf", 240), "MainSubtitle": ("sub/sub_r1.xml", 240)}
    assets = tracks("j2c_r1.mxf", "pcm_r1.mxf") | {"sub/sub_r1.xml": subtitle, "sub/font.ttf": payload("font.ttf", 2000)}
    return package(INTEROP, FILM, assets | {CPL: composition(INTEROP, FILM, [reel])})


def dcp_version(picture: str = "j2c") -> Tree:
    """A version file: another sound to the picture of the original version."""
    title = FILM.replace("EN-XX", "DE-XX")
    reels = [{"MainPicture": (f"{picture}_r{number}.mxf", 240), "MainSound": (f"pcm_de_r{number}.mxf", 240)} for number in (1, 2)]
    return package(SMPTE, title, tracks("pcm_de_r1.mxf", "pcm_de_r2.mxf") | {f"CPL_{title}.xml": composition(SMPTE, title, reels)})


def dcp_version_alone() -> Tree:
    return dcp_version("picture_of_another_film")


def dcp_pair() -> Tree:
    return under("Film_OV", dcp()) | under("Film_VF", dcp_version())


DCP = (
    Fixture("dcp-whole", "DCP", made(dcp), "proven", "PKL states size and SHA-1 of each asset (ST 429-8), and all agree.", READ),
    Fixture("dcp-complete-whole", "DCP", made(dcp), "proven", "Every asset of the map is there in the size that PKL states.", COMPLETE),
    Fixture("dcp-unread", "DCP", made(dcp), "not provable", "Sums are stated and were not read.", ()),
    Fixture("dcp-two-compositions-whole", "DCP", made(dcp_two), "proven", "Two CPLs of one packing list may play the same track files (ST 429-7).", READ),
    Fixture("dcp-interop-whole", "DCP Interop", made(dcp_interop), "proven", "ASSETMAP without extension and an empty PackingList element are as Interop has them.", READ),
    Fixture("dcp-ov-vf-whole", "DCP", made(dcp_pair), "proven", "The version file plays the picture of the original version next to it.", READ),
    Fixture("dcp-vf-alone", "DCP", made(dcp_version_alone), "not provable", "Its CPL plays pictures that are in no asset map here; they are in the original version.", READ),
    Fixture("dcp-junk-whole", "DCP", made(dcp, junk()), "proven", "Files of the desktop are no part of a package.", READ),
    Fixture("dcp-track-missing", "DCP", made(dcp, remove("pcm_r2.mxf")), "refuted", "ASSETMAP maps it (ST 429-9).", COMPLETE, ("pcm_r2.mxf",)),
    Fixture("dcp-track-truncated", "DCP", made(dcp, cut("j2c_r1.mxf", 4000)), "refuted", "It is shorter than Size in PKL and Length in ASSETMAP.", COMPLETE, ("j2c_r1.mxf",)),
    Fixture("dcp-track-flipped", "DCP", made(dcp, flip("j2c_r2.mxf")), "refuted", "Its SHA-1 is not that of PKL.", READ, ("j2c_r2.mxf",)),
    Fixture("dcp-flipped-unread", "DCP", made(dcp, flip("j2c_r2.mxf")), "not provable", "The size agrees and the sum was not read.", ()),
    Fixture("dcp-tracks-swapped", "DCP", made(dcp, swap("j2c_r1.mxf", "j2c_r2.mxf")), "refuted", "Both have the stated size, and each the sum of the other.", READ, ("j2c_r1.mxf", "j2c_r2.mxf")),
    Fixture("dcp-track-renamed", "DCP", made(dcp, rename("pcm_r1.mxf", "pcm_r1_v2.mxf")), "refuted", "Path in ASSETMAP names the file.", COMPLETE, ("pcm_r1.mxf",)),
    Fixture("dcp-composition-changed", "DCP", made(dcp, replace(CPL, "<ContentKind>feature", "<ContentKind>trailer")), "refuted", "PKL states the SHA-1 of the CPL too.", READ, (CPL,)),
    Fixture("dcp-sound-short", "DCP", made(dcp_unequal), "refuted", "Sound and picture of a reel have one duration (ST 429-7), and this CPL states 239 and 240.", READ, (CPL,)),
    Fixture("dcp-packing-list-missing", "DCP", made(dcp, remove(PKL)), "refuted", "ASSETMAP maps the packing list.", READ, (PKL,)),
    Fixture("dcp-map-missing", "DCP", made(dcp, remove("ASSETMAP.xml")), "not provable", "Without the map nothing states which file is which asset (unsure: OriginalFileName of PKL may be taken as names).", READ),
    Fixture("dcp-map-truncated", "DCP", made(dcp, cut("ASSETMAP.xml", 1500)), "refuted", "A map that ends early was damaged on the way.", READ, ("ASSETMAP.xml",)),
    Fixture("dcp-font-missing", "DCP Interop", made(dcp_interop, remove("sub/font.ttf")), "refuted", "ASSETMAP maps the font of the subtitles.", READ, ("sub/font.ttf",)),
    Fixture("dcp-file-unlisted", "DCP", made(dcp, put("j2c_r3.mxf", payload("j2c_r3.mxf", 4096))), "not provable", "Neither map nor packing list names the third reel, so nothing states its content (unsure: a file that is no asset may be no question of anyone).", READ),
)

# IMF

TITLE = "Film_2398_2160p_EN"
IMF_CPL = f"CPL_{uuid5(NAMESPACE_URL, TITLE)}.xml"
IMF_OPL = f"OPL_{uuid5(NAMESPACE_URL, TITLE + ' profile')}.xml"
CORE = "http://www.smpte-ra.org/schemas/2067-2/2016"


def virtual_track(title: str, role: str, resources: list[tuple[str, bytes, str, int, int, int]]) -> str:
    """A sequence of a segment. Each resource has path, content, edit rate, intrinsic duration, entry point and source duration."""
    listed = ""
    for path, content, rate, intrinsic, entry, duration in resources:
        listed += (
            f'            <Resource xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="TrackFileResourceType">\n'
            f"              <Id>{urn(f'{title} {path} {entry}')}</Id>\n              <EditRate>{rate}</EditRate>\n"
            f"              <IntrinsicDuration>{intrinsic}</IntrinsicDuration>\n              <EntryPoint>{entry}</EntryPoint>\n"
            f"              <SourceDuration>{duration}</SourceDuration>\n              <RepeatCount>1</RepeatCount>\n"
            f"              <SourceEncoding>{urn(path + ' encoding')}</SourceEncoding>\n"
            f"              <TrackFileId>{urn(path)}</TrackFileId>\n              <Hash>{sha1_base64(content)}</Hash>\n            </Resource>\n"
        )
    return (
        f'        <cc:{role} xmlns:cc="{CORE}">\n          <Id>{urn(f"{title} {role}")}</Id>\n          <TrackId>{urn(f"{title} {role} track")}</TrackId>\n'
        f"          <ResourceList>\n{listed}          </ResourceList>\n        </cc:{role}>\n"
    )


def descriptor(path: str) -> str:
    """What a CPL says of the essence of a track file, as little as possible."""
    kind, rate = ("WAVEPCMDescriptor", "48000/1") if path.startswith("AUDIO") else ("CDCIDescriptor", "25/1")
    return (
        f"    <EssenceDescriptor>\n      <Id>{urn(path + ' encoding')}</Id>\n"
        f'      <r0:{kind} xmlns:r0="http://www.smpte-ra.org/reg/395/2014/13/1/aaf" xmlns:r1="http://www.smpte-ra.org/reg/335/2012">\n'
        f"        <r1:InstanceID>{urn(path + ' instance')}</r1:InstanceID>\n        <r1:SampleRate>{rate}</r1:SampleRate>\n"
        f"      </r0:{kind}>\n    </EssenceDescriptor>\n"
    )


def imf_composition(title: str, name: str, sequences: str, encodings: list[str]) -> bytes:
    """A CPL of an IMF package, in one segment."""
    descriptors = "".join(descriptor(path) for path in encodings)
    return text(
        f'<?xml version="1.0" encoding="UTF-8"?>\n<CompositionPlaylist xmlns="{IMF.composition_space}">\n  <Id>{urn(name)}</Id>\n'
        f"  <Annotation>{title}</Annotation>\n  <IssueDate>{DATE}</IssueDate>\n  <Issuer>Example Lab</Issuer>\n  <Creator>Example Mastering 1.0</Creator>\n"
        f"  <ContentOriginator>Example</ContentOriginator>\n  <ContentTitle>{title}</ContentTitle>\n  <ContentKind>feature</ContentKind>\n"
        f"  <EssenceDescriptorList>\n{descriptors}  </EssenceDescriptorList>\n  <EditRate>25 1</EditRate>\n  <ExtensionProperties>\n"
        f'    <ApplicationIdentification xmlns="{CORE}">http://www.smpte-ra.org/schemas/2067-21/2016</ApplicationIdentification>\n  </ExtensionProperties>\n'
        f"  <SegmentList>\n    <Segment>\n      <Id>{urn(title + ' segment')}</Id>\n      <SequenceList>\n{sequences}      </SequenceList>\n"
        "    </Segment>\n  </SegmentList>\n</CompositionPlaylist>\n"
    )


def imf_of(entry: int = 0, sound: int = 480000, algorithm: str = "sha1", profile_of: str = IMF_CPL) -> Tree:
    """250 frames of picture from two track files, and one sound."""
    media = tracks("VIDEO_1.mxf", "VIDEO_2.mxf", "AUDIO_EN.mxf")
    first, second = content_of(media, "VIDEO_1.mxf"), content_of(media, "VIDEO_2.mxf")
    picture = [("VIDEO_1.mxf", first, "25 1", 150, 0, 150), ("VIDEO_2.mxf", second, "25 1", 100, entry, 100)]
    sequences = virtual_track(TITLE, "MainImageSequence", picture)
    sequences += virtual_track(TITLE, "MainAudioSequence", [("AUDIO_EN.mxf", content_of(media, "AUDIO_EN.mxf"), "48000 1", 480000, 0, sound)])
    profile = text(
        '<?xml version="1.0" encoding="UTF-8"?>\n<OutputProfileList xmlns="http://www.smpte-ra.org/schemas/2067-100/2014" '
        f'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">\n  <Id>{urn(IMF_OPL)}</Id>\n  <Annotation>{TITLE}</Annotation>\n'
        f"  <IssueDate>{DATE}</IssueDate>\n  <Issuer>Example Lab</Issuer>\n  <Creator>Example Mastering 1.0</Creator>\n"
        f"  <CompositionPlaylistId>{urn(profile_of)}</CompositionPlaylistId>\n  <AliasList/>\n  <MacroList>\n"
        '    <Macro xsi:type="PresetMacroType">\n      <Name>preset</Name>\n      <Preset>playback_cpl</Preset>\n    </Macro>\n  </MacroList>\n</OutputProfileList>\n'
    )
    cpl = imf_composition(TITLE, IMF_CPL, sequences, ["VIDEO_1.mxf", "VIDEO_2.mxf", "AUDIO_EN.mxf"])
    return package(IMF, TITLE, media | {IMF_CPL: cpl, IMF_OPL: profile}, algorithm)


def imf() -> Tree:
    return imf_of()


def imf_sha256() -> Tree:
    return imf_of(algorithm="sha256")


def imf_past_end() -> Tree:
    return imf_of(entry=10)


def imf_sound_short() -> Tree:
    return imf_of(sound=480000 - 1920)


def imf_profile_elsewhere() -> Tree:
    return imf_of(profile_of="CPL of another package")


def imf_supplement(master: str = "VIDEO") -> Tree:
    """A supplemental package: a new sound to the picture of the other one."""
    title, name = "Film_2398_2160p_DE", f"CPL_{uuid5(NAMESPACE_URL, 'supplement')}.xml"
    media = tracks("AUDIO_DE.mxf")
    names = (f"{master}_1.mxf", f"{master}_2.mxf")
    picture = [(path, content_of(tracks(path), path), "25 1", length, 0, length) for path, length in zip(names, (150, 100), strict=True)]
    sequences = virtual_track(title, "MainImageSequence", picture)
    sequences += virtual_track(title, "MainAudioSequence", [("AUDIO_DE.mxf", content_of(media, "AUDIO_DE.mxf"), "48000 1", 480000, 0, 480000)])
    cpl = imf_composition(title, name, sequences, [*names, "AUDIO_DE.mxf"])
    return package(IMF, title, media | {name: cpl})


def imf_supplement_alone() -> Tree:
    return imf_supplement("PICTURE_OF_ANOTHER_FILM")


def imf_pair() -> Tree:
    return under("Film_OV", imf()) | under("Film_DE_supplemental", imf_supplement())


IMFS = (
    Fixture("imf-whole", "IMF", made(imf), "proven", "PKL states size and SHA-1 of each asset (ST 2067-2), and all agree; the OPL refers to the CPL here.", READ),
    Fixture("imf-complete-whole", "IMF", made(imf), "proven", "Every asset of the map is there in the size that PKL states.", COMPLETE),
    Fixture("imf-sha256-whole", "IMF", made(imf_sha256), "proven", "HashAlgorithm says SHA-256 (unsure: the 2016 edition has the element, and packages with another algorithm than SHA-1 are rare).", READ),
    Fixture("imf-supplement-whole", "IMF", made(imf_pair), "proven", "The supplemental package plays the picture of the package next to it.", READ),
    Fixture("imf-supplement-alone", "IMF", made(imf_supplement_alone), "not provable", "Its CPL plays track files that are in no asset map here.", READ),
    Fixture("imf-track-missing", "IMF", made(imf, remove("VIDEO_2.mxf")), "refuted", "ASSETMAP maps it.", COMPLETE, ("VIDEO_2.mxf",)),
    Fixture("imf-track-truncated", "IMF", made(imf, cut("AUDIO_EN.mxf", 4095)), "refuted", "It is one byte shorter than Size in PKL.", COMPLETE, ("AUDIO_EN.mxf",)),
    Fixture("imf-track-flipped", "IMF", made(imf, flip("AUDIO_EN.mxf")), "refuted", "Its SHA-1 is not that of PKL.", READ, ("AUDIO_EN.mxf",)),
    Fixture("imf-sha256-flipped", "IMF", made(imf_sha256, flip("VIDEO_1.mxf")), "refuted", "Its SHA-256 is not that of PKL (unsure, as is imf-sha256-whole); the SHA-1 in the CPL differs too.", READ, ("VIDEO_1.mxf",)),
    Fixture("imf-tracks-swapped", "IMF", made(imf, swap("VIDEO_1.mxf", "VIDEO_2.mxf")), "refuted", "Both have the stated size, and each the sum of the other.", READ, ("VIDEO_1.mxf", "VIDEO_2.mxf")),
    Fixture("imf-profile-changed", "IMF", made(imf, replace(IMF_OPL, "playback_cpl", "playback_cpr")), "refuted", "PKL states the SHA-1 of the OPL too.", READ, (IMF_OPL,)),
    Fixture("imf-profile-elsewhere", "IMF", made(imf_profile_elsewhere), "not provable", "CompositionPlaylistId of the OPL is of no CPL here (unsure: the packing list itself holds, so it may be proven).", READ),
    Fixture("imf-resource-past-end", "IMF", made(imf_past_end), "refuted", "EntryPoint and SourceDuration reach behind IntrinsicDuration of the resource, which ST 2067-3 forbids (unsure: the packing list itself holds).", READ, (IMF_CPL,)),
    Fixture("imf-sound-short", "IMF", made(imf_sound_short), "refuted", "All sequences of a segment have one duration (ST 2067-3), and the sound is a frame shorter.", READ, (IMF_CPL,)),
)

PACKAGES = DCP + IMFS
