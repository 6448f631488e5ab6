"""A change of a folder concerns its block alone: block and rest are grouped as the whole folder is."""

from hypothesis import given, settings
from hypothesis import strategies as st

from grouping import DEFAULT_PROFILE, AssetPlan, Profile, Single, bucket_paths, group_items
from grouping.blocking import FOLDER_WIDE, BlockingKeys, blocking_keys, bucket_blocking_keys, has_blocks
from grouping.model.islands import island_of
from grouping.model.items import GroupingItem
from tests.properties.names_strategy import NAME_LISTS

LONG = b"Holiday in the mountains with a long name and (edited)"
MAKERS_NAMES = [
    *(b"IMG_0001.HEIC", b"IMG_0001.MOV", b"IMG_E0001.MOV", b"IMG_O0001.AAE", b"IMG_0001.AAE", b"IMG_0001.JPG"),
    *(b"IMG_0001.DNG", b"IMG_0001.CR2", b"IMG_0001_01.CR2.xmp", b"IMG_0001.CR2.xmp", b"IMG_0001.tif", b"IMG_0002.tif"),
    *(b"PXL_1.RAW-01.COVER.jpg", b"PXL_1.RAW-02.ORIGINAL.dng", b"PXL_1.RAW-01.srt", b"PXL_1.mov", b"PXL_1.jpg"),
    *(b"GX010777.MP4", b"GX020777.MP4", b"GL010777.LRV", b"GX010777.THM", b"GX020777.srt", b"GOPR0777.MP4"),
    *(b"GP010777.MP4", b"3D_L0001.mp4", b"3D_R0001.mp4", b"3D_0001.srt", b"3D_0001_proxy.mp4"),
    *(b"VID_20240101_120000_00_001.insv", b"VID_20240101_120000_10_001.insv", b"LRV_20240101_120000_11_001.insv"),
    *(b"VID_20240101_120000_001.srt", b"2024-01-01_12-00-00-front.mp4", b"2024-01-01_12-00-00-back.mp4"),
    *(b"2024-01-01_12-00-00.srt", b"A001_001.R3D", b"A001_002.R3D", b"A001_001.mov", b"A001_F.mov", b"A001.mov"),
    *(b"A001_001.rmd", b"A001.cube", b"A001.srt", b"C0012.MXF", b"C0012S01.MXF", b"C0012M01.XML", b"C0012T01.JPG"),
    *(b"C0012R01.BIM", b"C0012.smi", b"C0012_h264.mp4", b"VTS_01_0.IFO", b"VTS_01_1.VOB", b"VTS_01.srt"),
    *(b"0001XY.MXF", b"0001XY01.MXF", b"0001XY.xml", b"film.idx", b"film.sub", b"film.mov", b"film.jpg(1).json"),
    *(b"film(1).jpg", b"film.jpg", b"film.jpg.json", b"a_cam_1_2.mov", b"a_cam_2_2.mov", b"a_2.srt", b"a_cam_L_1.mov"),
    *(b"a_cam_R_1.mov", b"a_1.srt", b"a - 1080p.mkv", b"a.mkv", b"low res.mov", b"a low res.mov", b"a_tr1_2.wav"),
    *(b"a_track_1.wav", b"a_track_2.wav", b"L_V1.mov", b"R_V1.mov", b"V1.srt", b"L_A1.wav", b"L.mov", b"a_part_1.mov"),
    *(b"a_part_2.mov", b"a_v1.mov", b"a_v2.mov", b"a.left.1.png", b"a.right.1.png", b"a.1.mov", b"a.1.xmp"),
    *(b"plate.1001_main.exr", b"plate.1002_main.exr", b"plate_main.mp4", b"plate.1001_main.xmp", b"plate_main.srt"),
    *(b"fx.0001.0.exr", b"fx.0001.5.exr", b"fx.0002.0.exr", b"fx.0002.5.exr", b"fx.mov", b"fx.0001.mov"),
    *(LONG + b".jpg", LONG[:46] + b".json", LONG + b"0001.png", b"caf\xc3\xa9.mov", b"cafe\xcc\x81.srt", b"notes"),
    *(b"notes.pdf", b"notes.pdf.xml", b"notes.xml", b"nine.atmos", b"nine.atmos.audio", b"nine.atmos.metadata"),
]
"""In groups of names that meet by the rules of one maker."""

PROFILES = st.sampled_from(
    [
        DEFAULT_PROFILE,
        DEFAULT_PROFILE,
        Profile(versions="asset", parts="asset"),
        Profile(case_sensitive=False, photos="sequences"),
        Profile(eye_tokens=(("port", "star_board"),), camera_tokens=("angle",), rendition_tokens=("low-fi", "mini")),
    ]
)


def keys_of(item: GroupingItem, profile: Profile) -> BlockingKeys:
    if isinstance(item, Single):
        return blocking_keys(item.path, item.described, profile)
    return bucket_blocking_keys(item, profile)


def block_of(items: list[GroupingItem], first: int, profile: Profile) -> set[int]:
    """Numbers of the items that keys connect with the first one, over any number of steps."""
    keys = [keys_of(item, profile) for item in items]
    block, fresh = {first}, {first}
    while fresh:
        sought = set().union(*(keys[number].sought() for number in fresh))
        fresh = {number for number in range(len(items)) if keys[number].stored() & sought} - block
        block |= fresh
    return block


def plans(items: list[GroupingItem], profile: Profile) -> list[AssetPlan]:
    return sorted(group_items(items, profile).settled(), key=lambda plan: plan.key)


@settings(deadline=None)
@given(
    st.one_of(NAME_LISTS, st.lists(st.sampled_from(MAKERS_NAMES), unique=True)),
    st.lists(st.sampled_from(MAKERS_NAMES), max_size=6),
    PROFILES,
    st.data(),
)
def test_block_and_rest_are_grouped_as_the_whole(
    some: list[bytes], more: list[bytes], profile: Profile, data: st.DataObject
) -> None:
    names = [name for name in dict.fromkeys([*some, *more]) if not island_of(name.rpartition(b"/")[0])]
    items = list(bucket_paths(names, profile))
    folders = {item.folder for item in items}
    if not items or not has_blocks(folders) or any(FOLDER_WIDE in keys_of(item, profile).offers for item in items):
        return
    block = block_of(items, data.draw(st.integers(0, len(items) - 1)), profile)
    inside = [item for number, item in enumerate(items) if number in block]
    outside = [item for number, item in enumerate(items) if number not in block]
    together = sorted(plans(inside, profile) + plans(outside, profile), key=lambda plan: plan.key)
    assert together == plans(items, profile)


def test_frames_that_may_be_raw_stills_concern_their_whole_folder() -> None:
    for name in (b"PXL_1.RAW-02.ORIGINAL.dng", b"scene-001.dng", b"dive_L_001.png"):
        (bucket,) = bucket_paths([name], DEFAULT_PROFILE)
        assert keys_of(bucket, DEFAULT_PROFILE).offers == {FOLDER_WIDE}
