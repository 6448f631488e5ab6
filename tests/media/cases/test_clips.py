"""A row for each kind of clip and sound: what ffprobe 5.1 (-count_frames) and MediaInfo 23.04 say of the same file.

Where the two differ, the row has the one that counts what is in the file, and the remark says so.
"""

import os
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import av
import pytest

from media.probe.headers import read_header
from media.sandbox.protocol import UnreadableError
from tests.media.cases.clip_files import Maker, clip, sound
from tests.media.stills.still_files import picture

X265 = {"x265-params": "log-level=none"}
PAL, NTSC = Fraction(25), Fraction(30_000, 1_001)


class Clip(NamedTuple):
    """What is expected of a clip."""

    make: Maker
    container: str
    codec: str
    milliseconds: int = 500
    rate: str = "24/1"
    pictures: int = 12
    size: tuple[int, int] = (64, 48)
    pixels: str = "yuv420p"
    more: Mapping[str, Any] = MappingProxyType({})
    """Further facts of the picture."""
    general: Mapping[str, Any] = MappingProxyType({})
    """Further facts of the file."""


CLIPS: dict[str, Clip] = {
    "a.mp4": Clip(clip("libx264"), "mp4", "h264"),
    "b_frames.mp4": Clip(clip("libx264", options={"bf": "2"}, count=24), "mp4", "h264", 1000, pictures=24),
    "b_frames.avi": Clip(clip("libx264", options={"bf": "2"}), "avi", "h264"),
    "hevc.mp4": Clip(clip("libx265", options=X265), "mp4", "hevc"),
    "av1.mp4": Clip(clip("libsvtav1"), "mp4", "av1"),
    "av1.mkv": Clip(clip("libsvtav1"), "matroska", "av1"),
    "rgb.mp4": Clip(clip("libx264rgb", "rgb24"), "mp4", "h264", pixels="gbrp"),
    "444.mp4": Clip(clip("libx264", "yuv444p"), "mp4", "h264", pixels="yuv444p"),
    "prores.mov": Clip(
        clip("prores_ks", "yuv422p10le", NTSC), "mov", "prores", 400, "30000/1001", pixels="yuv422p10le"
    ),
    "4444.mov": Clip(clip("prores_ks", "yuva444p10le"), "mov", "prores", pixels="yuva444p12le"),
    "dnxhr.mov": Clip(
        clip("dnxhd", "yuv422p", options={"profile": "dnxhr_sq"}, size=(256, 128)),
        *("mov", "dnxhd"),
        size=(256, 128),
        pixels="yuv422p",
    ),
    "cineform.mov": Clip(clip("cfhd", "yuv422p10le"), "mov", "cfhd", pixels="yuv422p10le"),
    "v210.mov": Clip(clip("v210", "yuv422p10le"), "mov", "v210", pixels="yuv422p10le"),
    "png.mov": Clip(clip("png", "rgba"), "mov", "png", pixels="rgba"),
    "animation.mov": Clip(clip("qtrle", "argb"), "mov", "qtrle", pixels="argb"),
    "huffyuv.avi": Clip(clip("huffyuv", "yuv422p"), "avi", "huffyuv", pixels="yuv422p"),
    "utvideo.avi": Clip(clip("utvideo", "gbrp"), "avi", "utvideo", pixels="gbrp"),
    "raw.avi": Clip(clip("rawvideo", "bgr24"), "avi", "rawvideo", pixels="bgr24"),
    "mjpeg.avi": Clip(clip("mjpeg", "yuvj420p"), "avi", "mjpeg", pixels="yuvj420p"),
    "mpeg4.avi": Clip(clip("mpeg4"), "avi", "mpeg4"),
    "ffv1.mkv": Clip(clip("ffv1"), "matroska", "ffv1"),
    "grey.mkv": Clip(clip("ffv1", "gray"), "matroska", "ffv1", pixels="gray"),
    "grey16.mkv": Clip(clip("ffv1", "gray16le"), "matroska", "ffv1", pixels="gray16le"),
    "vp8.webm": Clip(clip("libvpx"), "webm", "vp8"),
    "vp9.webm": Clip(clip("libvpx-vp9"), "webm", "vp9"),
    "alpha.webm": Clip(clip("libvpx-vp9", "yuva420p"), "webm", "vp9"),
    "a.flv": Clip(clip("flv"), "flv", "flv1"),
    "a.3gp": Clip(clip("h263", size=(176, 144)), "3gp", "h263", size=(176, 144), more={"pixel_aspect": "12/11"}),
    "a.wmv": Clip(clip("wmv2"), "asf", "wmv2"),
    "a.ivf": Clip(clip("libvpx"), "ivf", "vp8"),
    "a.y4m": Clip(clip("rawvideo"), "yuv4mpegpipe", "rawvideo"),
    "a.mxf": Clip(clip("mpeg2video", "yuv422p", PAL), "mxf", "mpeg2video", 480, "25/1", pixels="yuv422p"),
    "j2k.mxf": Clip(clip("jpeg2000", "yuv422p", PAL), "mxf", "jpeg2000", 480, "25/1", pixels="yuv422p"),
    # MediaInfo counts one picture of a programme stream; ffprobe counts twelve, and takes 40 ms for their length.
    "a.mpg": Clip(clip("mpeg1video", rate=PAL, sound="mp2"), "mpeg", "mpeg1video", 480, "25/1"),
    "a.vob": Clip(clip("mpeg2video", rate=PAL, sound="ac3"), "mpeg", "mpeg2video", 480, "25/1"),
    "mpeg2.ts": Clip(clip("mpeg2video", rate=PAL, sound="mp2"), "mpegts", "mpeg2video", 480, "25/1"),
    "h264.ts": Clip(clip("libx264", rate=PAL, sound="aac"), "mpegts", "h264", 512, "25/1"),
    "a.m2ts": Clip(clip("libx264", rate=PAL, sound="ac3"), "mpegts", "h264", 480, "25/1"),
    # Without a container ffprobe says no duration; the pictures are counted by MediaInfo.
    "raw.h264": Clip(clip("libx264"), "h264", "h264"),
    "raw.hevc": Clip(clip("libx265", options=X265), "hevc", "hevc"),
    "raw.m1v": Clip(clip("mpeg1video", rate=PAL), "mpegvideo", "mpeg1video", 480, "25/1"),
    "raw.m2v": Clip(clip("mpeg2video", rate=PAL), "mpegvideo", "mpeg2video", 480, "25/1"),
    "raw.mjpeg": Clip(clip("mjpeg", "yuvj420p", PAL), "mjpeg", "mjpeg", 480, "25/1", pixels="yuvj420p"),
    "live.webm": Clip(clip("libvpx", muxer={"live": "1"}), "webm", "vp8"),
    "ntsc.dv": Clip(
        clip("dvvideo", "yuv411p", NTSC, size=(720, 480), count=3),
        *("dv", "dvvideo", 100, "30000/1001", 3, (720, 480), "yuv411p"),
        more={"pixel_aspect": "8/9"},
    ),
    "live.mkv": Clip(clip("libx264", muxer={"live": "1"}), "matroska", "h264"),
    "fragments.mp4": Clip(clip("libx264", muxer={"movflags": "frag_keyframe+empty_moov"}), "mp4", "h264"),
    "23976.mp4": Clip(clip("libx264", rate=Fraction(24_000, 1_001)), "mp4", "h264", 501, "24000/1001"),
    "5994.mov": Clip(clip("libx264", rate=Fraction(60_000, 1_001)), "mov", "h264", 200, "60000/1001"),
    "240.mkv": Clip(clip("libx264", rate=Fraction(240)), "matroska", "h264", 50, "240/1"),
    "one.mp4": Clip(clip("libx264", count=1), "mp4", "h264", 42, pictures=1),
    "a_second_each.mp4": Clip(clip("libx264", rate=Fraction(1)), "mp4", "h264", 12_000, "1/1"),
    "ten_seconds_each.mkv": Clip(
        clip("libx264", rate=Fraction(1, 10), count=3), "matroska", "h264", 30_000, "1/10", 3
    ),
    "wide_pixels.mp4": Clip(clip("libx264", aspect=Fraction(4, 3)), "mp4", "h264", more={"pixel_aspect": "4/3"}),
    "anamorphic.mkv": Clip(clip("libx264", aspect=Fraction(2)), "matroska", "h264", more={"pixel_aspect": "2"}),
    # MediaInfo: rotation 270, which is the clockwise one; ffprobe: 90, the other way round.
    "90.mp4": Clip(clip("libx264", turned={"degrees": 90}), "mp4", "h264", size=(48, 64), more={"rotation": 270}),
    "180.mov": Clip(clip("libx264", turned={"degrees": 180}), "mov", "h264", more={"rotation": 180}),
    "-90.mkv": Clip(clip("libx264", turned={"degrees": -90}), "matroska", "h264", size=(48, 64), more={"rotation": 90}),
    "mirrored.mp4": Clip(clip("libx264", turned={"degrees": 0, "hflip": True}), "mp4", "h264", more={"mirrored": True}),
    "pq.mp4": Clip(
        clip("libx265", "yuv420p10le", options=X265, colors=(9, 16, 9)),
        *("mp4", "hevc"),
        pixels="yuv420p10le",
        more={"color": {"primaries": "bt2020", "transfer": "smpte2084", "matrix": "bt2020nc", "range": "limited"}},
    ),
    "hlg.mp4": Clip(
        clip("libx265", "yuv420p10le", options=X265, colors=(9, 18, 9)),
        *("mp4", "hevc"),
        pixels="yuv420p10le",
        more={"color": {"primaries": "bt2020", "transfer": "arib-std-b67", "matrix": "bt2020nc", "range": "limited"}},
    ),
    "timecode.mov": Clip(
        clip("prores_ks", "yuv422p10le", PAL, tags={"timecode": "10:25:00:12"}),
        *("mov", "prores", 480, "25/1"),
        pixels="yuv422p10le",
        general={"timecode_start": "10:25:00:12"},
    ),
    "drop_frames.mov": Clip(
        clip("prores_ks", "yuv422p10le", NTSC, tags={"timecode": "01:00:00;00"}),
        *("mov", "prores", 400, "30000/1001"),
        pixels="yuv422p10le",
        general={"timecode_start": "01:00:00;00"},
    ),
    "timecode.mxf": Clip(
        clip("mpeg2video", "yuv422p", PAL, tags={"timecode": "10:25:00:12"}),
        *("mxf", "mpeg2video", 480, "25/1"),
        pixels="yuv422p",
        general={"timecode_start": "10:25:00:12"},
    ),
}  # fmt: skip


def facts_of(path: Path) -> dict[str, Any]:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return read_header(descriptor, path.name)
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("name", CLIPS)
def test_a_clip_is_what_ffprobe_and_mediainfo_say(tmp_path: Path, name: str) -> None:
    wanted, path = CLIPS[name], tmp_path / name
    wanted.make(path)
    facts = facts_of(path)
    picture = next(one for one in facts["streams"] if one["type"] == "VIDEO")
    assert (facts["container"], picture["codec"], picture["frame_rate"]) == (
        wanted.container,
        wanted.codec,
        wanted.rate,
    )
    assert (picture["width"], picture["height"], picture["pixel_format"]) == (*wanted.size, wanted.pixels)
    assert facts["duration_milliseconds"] == pytest.approx(wanted.milliseconds, abs=1)
    assert "duration_is_estimated" not in facts
    turned = {name: picture[name] for name in ("rotation", "mirrored", "pixel_aspect") if name in picture}
    assert turned == {name: value for name, value in wanted.more.items() if name != "color"}
    assert wanted.more.items() <= picture.items()
    assert wanted.general.items() <= facts.items()
    assert picture.get("frame_count", wanted.pictures) == wanted.pictures
    with av.open(str(path)) as container:
        assert sum(1 for _ in container.decode(video=0)) == wanted.pictures


class Sound(NamedTuple):
    """What is expected of a sound."""

    make: Maker
    container: str
    codec: str
    milliseconds: int = 500
    channels: int = 1
    layout: str | None = "mono"
    rate: int = 48_000


SOUNDS: dict[str, Sound] = {
    "a.wav": Sound(sound("pcm_s16le"), "wav", "pcm_s16le"),
    "24.wav": Sound(sound("pcm_s24le", "stereo"), "wav", "pcm_s24le", 500, 2, "stereo"),
    "float.wav": Sound(sound("pcm_f32le", "5.1"), "wav", "pcm_f32le", 500, 6, "5.1"),
    "u8.wav": Sound(sound("pcm_u8", rate=8_000), "wav", "pcm_u8", rate=8_000),
    "192k.wav": Sound(sound("pcm_s16le", rate=192_000), "wav", "pcm_s16le", rate=192_000),
    "rf64.wav": Sound(sound("pcm_s16le", container_options={"rf64": "always"}), "wav", "pcm_s16le"),
    "three.wav": Sound(sound("pcm_s16le", "3 channels"), "wav", "pcm_s16le", 500, 3, None),
    "eight.wav": Sound(sound("pcm_s16le", "8 channels"), "wav", "pcm_s16le", 500, 8, None),
    "a.w64": Sound(sound("pcm_s16le"), "w64", "pcm_s16le"),
    "a.aif": Sound(sound("pcm_s16be"), "aiff", "pcm_s16be"),
    "a.caf": Sound(sound("pcm_s16le"), "caf", "pcm_s16le"),
    "a.au": Sound(sound("pcm_s16be"), "au", "pcm_s16be"),  # MediaInfo: 1,000 ms
    "a.flac": Sound(sound("flac"), "flac", "flac"),
    "a.tta": Sound(sound("tta"), "tta", "tta"),
    "a.mp3": Sound(sound("libmp3lame"), "mp3", "mp3"),  # ffprobe 5.1 counts the 28 ms of padding
    "a.mp2": Sound(sound("mp2"), "mp3", "mp2", 504),
    "a.aac": Sound(sound("aac"), "aac", "aac", 533),
    "a.m4a": Sound(sound("aac"), "m4a", "aac"),
    "alac.m4a": Sound(sound("alac"), "m4a", "alac"),
    "a.ac3": Sound(sound("ac3", "5.1"), "ac3", "ac3", 512, 6, "5.1(side)"),
    "a.eac3": Sound(sound("eac3"), "eac3", "eac3", 512),
    "a.opus": Sound(sound("libopus"), "ogg", "opus", 506),
    "a.amr": Sound(sound("libopencore_amrnb", rate=8_000), "amr", "amr_nb", 520, rate=8_000),
    "alone.mp4": Sound(sound("aac"), "mp4", "aac"),
    "alone.mov": Sound(sound("pcm_s24le"), "mov", "pcm_s24le"),
    "alone.webm": Sound(sound("libopus"), "webm", "opus", 508),
    "alone.mxf": Sound(sound("pcm_s16le", format="mxf_opatom"), "mxf", "pcm_s16le", 520),
    "alone.avi": Sound(sound("pcm_s16le"), "avi", "pcm_s16le", 506),
    "7.1.mov": Sound(sound("pcm_s16le", "7.1"), "mov", "pcm_s16le", 500, 8, "7.1"),
}


@pytest.mark.parametrize("name", SOUNDS)
def test_a_sound_is_what_ffprobe_and_mediainfo_say(tmp_path: Path, name: str) -> None:
    wanted, path = SOUNDS[name], tmp_path / name
    wanted.make(path)
    facts = facts_of(path)
    (heard,) = facts["streams"]
    assert (facts["container"], heard["type"], heard["codec"]) == (wanted.container, "AUDIO", wanted.codec)
    assert (heard["channels"], heard.get("channel_layout"), heard["sample_rate"]) == (
        *(wanted.channels, wanted.layout, wanted.rate),
    )
    assert facts["duration_milliseconds"] == pytest.approx(wanted.milliseconds, abs=1)


IM_HEAD = b"Image type: RGB image\r\nName: a\r\nImage size (x*y): 96*64\r\nFile size (no of images): 1\r\n"
NO_MEDIA: dict[str, tuple[bytes, str]] = {
    "a.pdf": (b"%PDF-1.7\n" + bytes(2_000), "is a document: pictures inside it are not shown"),
    "a.eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n", "is a document: pictures inside it are not shown"),
    "a.im": (IM_HEAD.ljust(511, b"\0") + b"\x1a" + picture().tobytes(), "holds nothing that can be read as media"),
    "empty.mp4": (b"", "holds nothing that can be read as media"),
}


@pytest.mark.parametrize("name", NO_MEDIA)
def test_what_is_no_clip_says_so(tmp_path: Path, name: str) -> None:
    content, why = NO_MEDIA[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnreadableError) as refused:
        facts_of(tmp_path / name)
    assert str(refused.value).startswith(why)
