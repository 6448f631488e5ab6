"""Names that collide: few stems, all the tokens, all the classes, cards and hostile bytes, so that rules meet."""

from __future__ import annotations

from hypothesis import strategies as st

STEMS = st.sampled_from(
    [
        *(b"a", b"b", b"a.b", b"film", b"film two", b"C0001", b"GX010001", b"0001XY", b"", b"L", b"4k", b"IMG_0001"),
        *(b"VTS_01_1", b"Caf\xc3\xa9", b"Cafe\xcc\x81", b"a.jpg", b"INDEX", b"709_0001_01"),
    ]
)
TOKENS = st.sampled_from(
    [
        *(b"_L", b"_R", b".left", b".right", b"_camA", b"_camB", b"_cam1", b"_V1", b"_A1", b"_a2", b"_v1", b"_v02"),
        *(b"_proxy", b".1080p", b" 720p", b"-h264", b".en", b".de", b".forced", b"_part1", b"_part2", b"_sbs", b"M01"),
        *(b".0001", b".0002", b"_1", b"_9", b"_10", b"_010", b".-3", b".999", b".1000", b".0001.25", b"_001", b"S03"),
        *(b" - 1080p", b"_-_h264", b"_Tr1_2", b"(1)", b".-001", b".0001.0", b".0002.5", b"T01", b"R01", b"_left"),
        *(b".9223372036854775806", b".9223372036854775807"),
    ]
)
EXTENSIONS = st.sampled_from(
    [
        *(b".mov", b".mp4", b".MP4", b".mxf", b".r3d", b".exr", b".jpg", b".dng", b".cr2", b".wav", b".srt", b".idx"),
        *(b".sub", b".xml", b".xmp", b".md5", b".mov.md5", b".pdf", b".zip", b"", b".", b".part", b".LRV", b".THM"),
        *b".HEIC .JPG .tif .aae .json .mhl .smi .stl .VOB .IFO .atmos .MXF".split(),
    ]
)
FOLDERS = st.sampled_from(
    [
        *(b"", b"", b"", b"x/", b"left/", b"right/", b"proxies/", b"Subs/", b"Clip/", b"Sub/", b"DCIM/100CANON/"),
        *(b"CONTENTS/VIDEO/", b"CONTENTS/AUDIO/", b"CONTENTS/CLIP/", b"M4ROOT/CLIP/", b"M4ROOT/SUB/", b"a.RDC/"),
        *(b"p/", b"@eaDir/", b"CONTENTS/CLIPS001/AA0001/", b"ascmhl/", b"x/Clips/", b"VIDEO_TS/"),
    ]
)
MARKERS = st.sampled_from([b"p/ASSETMAP", b"p/PKL_1.xml", b"p/CPL_1.xml", b"p/v.mxf", b"ASSETMAP.xml", b"event.json"])
HOSTILE = st.binary(min_size=1, max_size=40).filter(lambda name: b"\0" not in name)


@st.composite
def built_names(draw: st.DrawFn) -> bytes:
    """A name put together of the parts that mean something."""
    tokens = draw(st.lists(TOKENS, max_size=3))
    return draw(FOLDERS) + draw(STEMS) + b"".join(tokens) + draw(EXTENSIONS)


DENSE = st.builds(
    lambda folder, stem, token, extension: folder + stem + token + extension,
    st.sampled_from([b"", b"", b"", b"", b"proxies/", b"left/", b"right/", b"Subs/"]),
    st.sampled_from([b"a", b"a", b"a.b"]),
    st.one_of(st.just(b""), TOKENS),
    st.sampled_from([b".mov", b".mov", b".mp4", b".mxf", b".exr", b".jpg", b".wav", b".srt", b".xml", b".mov.md5"]),
)
"""So close to one another that most of them join."""

NAMES = st.one_of(built_names(), built_names(), DENSE, DENSE, DENSE, MARKERS, HOSTILE).filter(bool)
FRAMES = st.builds(
    lambda stem, padding, first, count, end: [
        stem + b".%0*d" % (padding, frame) + end for frame in range(first, first + count)
    ],
    STEMS,
    st.integers(0, 4),
    st.integers(0, 1200),
    st.integers(1, 6),
    st.sampled_from([b".exr", b"_L.exr", b"_R.exr", b".dng", b".jpg"]),
)
PATH_LISTS = st.builds(
    lambda names, sets: list(dict.fromkeys([*names, *(name for frames in sets for name in frames)])),
    st.lists(NAMES, max_size=16),
    st.lists(FRAMES, max_size=3),
)


@st.composite
def crowds(draw: st.DrawFn) -> list[bytes]:
    """Many names of few tokens, up to three on each, so that every structure meets every other."""
    tokens = st.sampled_from(draw(st.lists(TOKENS, min_size=2, max_size=5)))
    ends = st.sampled_from(draw(st.lists(EXTENSIONS, min_size=1, max_size=4)))
    folders = st.sampled_from(draw(st.lists(FOLDERS, min_size=1, max_size=3)))
    stems = st.sampled_from([b"a", b"a", b"b", b"a.b"])
    name = st.builds(
        lambda folder, stem, words, end: folder + stem + b"".join(words) + end,
        *(folders, stems, st.lists(tokens, max_size=3), ends),
    )
    return draw(st.lists(name, max_size=25, unique=True))


NAME_LISTS = st.one_of(PATH_LISTS, crowds())
