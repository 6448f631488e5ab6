"""Which row of which table has the expected answer for each of the small inputs that were filed with issue 16.

    python -m tests.media.cases.shared_inputs FOLDER

lists the files of a folder of such inputs that have no row. The tests make inputs of the same kinds by themselves, so
they do not need the folder; `test_shared_inputs.py` holds that every row named here is there.
"""

import sys
import tarfile
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

STILLS, KINDS, CLIPS = "cases.test_stills.STILLS", "stills.test_stills", "cases.test_clips.CLIPS"
LOST, DPX, EXR = "renditions.test_nothing_lost", "cases.test_film_frames.DPX", "cases.test_film_frames.EXR"
SOUNDS, NO_MEDIA = "cases.test_clips.SOUNDS", "cases.test_clips.NO_MEDIA"
SUMS, CUES, VALUES = "cases.test_sums.LISTS", "cases.test_texts.CUES", "cases.test_texts.VALUES"

Row = tuple[str, str]
"""A table below `tests.media` and its key; or a module and a test in it."""
ROWS: dict[str, Row] = {
    **{
        f"still/{name}": (STILLS, row)
        for name, row in {
            "adobergb.jpg": "other_profile.jpg",
            "icc_557168.jpg": "large_profile.jpg",
            "anim.avif": "a.avif",
            "anim.gif": "a.gif",
            "anim.png": "a.apng",
            "anim.webp": "a.webp",
            "cmyk_lzw.tif": "cmyk_lzw.tif",
            "deflate_pred.tif": "predictor.tif",
            "dpi.jpg": "dpi.jpg",
            "dpi.tif": "dpi.tif",
            "dpi_aniso.jpg": "dpi_aniso.jpg",
            "dpi_aniso.tif": "dpi_aniso.tif",
            "empty.jpg": "empty.jpg",
            "gif_transparent.gif": "logo.gif",
            "gray_icc.jpg": "grey_icc.jpg",
            "grid324.heic": "324_tiles.heic",
            "h3x20000.png": "high.png",
            "w20000x3.png": "wide.png",
            "la.png": "la.png",
            "logo_black_on_transparent.png": "logo.png",
            "logo_black_on_transparent.tga": "logo.tga",
            "lzw16_be.tif": "lzw16_be.tif",
            "orient6.jpg": "6.jpg",
            "orient6.png": "6.png",
            "orient6.tif": "6.tif",
            "p1x1.jpg": "one.jpg",
            "p1x1.png": "one.png",
            "plain.icns": "a.icns",
            "plain.ico": "a.ico",
        }.items()
    },
    **{
        f"still/{name}": (f"{KINDS}.PLAIN", row)
        for name, row in {
            "bigtiff.tif": "big.tif",
            "cmyk.jpg": "cmyk.jpg",
            "cmyk.tif": "cmyk.tif",
            "jpg_named.png": "jpeg_named.png",
            "lzw.tif": "lzw.tif",
            "planar.tif": "planar.tif",
            "rle.tga": "rle.tga",
            "tiled.tif": "tiled.tif",
            "zstd.tif": "zstd.tif",
            **{f"plain.{ending}": f"a.{ending}" for ending in (
                *("avif", "bmp", "dds", "gif", "jp2", "jpg", "pcx", "png", "ppm", "qoi", "sgi", "tga", "webp"),
            )},
        }.items()
    },
    **{
        f"still/{name}": (f"{KINDS}.GRAY", row)
        for name, row in {
            "fax_g4.tif": "fax.tif",
            "fax_g4_2.tif": "fax.tif",
            "gray.jpg": "gray.jpg",
            "gray16.png": "gray16.png",
            "gray16.tif": "gray16.tif",
            "gray_float.tif": "float.tif",
        }.items()
    },
    **{f"still/trunc_half.{ending}": (f"{KINDS}.BROKEN", f"half.{ending}") for ending in ("jpg", "png", "tif")},
    "still/trunc_head.jpg": (f"{KINDS}.BROKEN", "head.jpg"),
    "still/plain.eps": (NO_MEDIA, "a.eps"),
    "still/plain.im": (NO_MEDIA, "a.im"),
    "still/plain.pdf": (NO_MEDIA, "a.pdf"),
    "exr/bigattr.exr": ("cases.test_film_frames", "test_an_attribute_beyond_64_kilobytes_hides_nothing"),
    "dpx/aspect21.dpx": (
        "cases.test_film_frames",
        "test_pixels_of_a_dpx_frame_that_are_twice_as_wide_are_shown_so",
    ),
    **{
        f"dpx/{name}.dpx": (DPX, row)
        for name, row in {
            "filmrate": "the rate of the film",
            "headonly": "only the header",
            "rate_inf": "an infinite rate",
            "rates": "23.976",
            "short": "less than the header",
            "tc_be": "timecode",
            "tc_df": "drop frames",
            "tc_le": "timecode, little endian",
            "trunc": "half of it",
        }.items()
    },
    **{
        f"video/{name}": (CLIPS, row)
        for name, row in {
            "alpha4444.mov": "4444.mov",
            "base.mp4": "a.mp4",
            "hflip.mp4": "mirrored.mp4",
            "hlg.mp4": "hlg.mp4",
            "live.webm": "live.webm",
            "ntsc_3frames.dv": "ntsc.dv",
            "pq.mp4": "pq.mp4",
            "raw.h264": "raw.h264",
            "rot90.mp4": "90.mp4",
        }.items()
    },
    "video/ac3_switch.ts": (f"{LOST}.SOUNDS", "AC-3 in stereo, then 5.1"),
    "video/concat_forward.ts": (f"{LOST}.PICTURES", "joined streams"),
    "video/avi_latin1.avi": ("probe.test_headers", "test_a_tag_that_is_no_utf_8_is_read_in_the_sandbox"),
    "video/empty.mp4": (NO_MEDIA, "empty.mp4"),
    "video/h264_medium.avi": (f"{LOST}.PICTURES", "H.264 with B-frames in AVI"),
    "video/trunc_fast.mp4": (f"{LOST}.PICTURES", "a file that breaks off"),
    "video/unknown_brhq.mov": ("pictures.test_variants", "test_a_clip_of_an_unknown_codec_says_so"),
    "audio/441_then_48.mp3": (f"{LOST}.SOUNDS", "another rate in mid-stream"),
    "audio/mono_then_stereo.mp3": (f"{LOST}.SOUNDS", "mono, then stereo"),
    "audio/bwf.wav": ("probe.test_broadcast_wave.WAVES", "no iXML"),
    "audio/plain_3.wav": (SOUNDS, "three.wav"),
    "audio/plain_8.wav": (SOUNDS, "eight.wav"),
    "long/ts_gop10s.ts": ("pictures.test_moments", "test_moments_of_a_strip_are_distinct"),
    "long/vbr.aac": ("probe.test_durations.FILES", "AAC"),
    "ao/default_audio_2nd.mkv": ("sound.test_waveform", "test_the_default_sound_is_drawn"),
    "ao/zoomaudio.mp4": (f"{LOST}.SOUNDS", "MP4 without a picture"),
    **{f"sidecars/{name}": ("cases.test_texts", "test_a_sidecar_that_is_made_to_harm_says_why_it_is_not_read")
       for name in ("bigint.json", "deep.json")},
    "captions/macroman.srt": ("cases.test_texts", "test_a_code_page_that_was_taken_is_named"),
    "sidecars/macroman.ale": ("cases.test_texts.GUESSED", "macroman.ale"),
    "sums/": ("cases.test_sums.LISTS", "text.md5"),
    "ascmhl_renamed/": ("services.sidecars.test_verification.LISTS", "a rename in a later generation"),
}  # fmt: skip
"""Inputs whose row has another name, by path; a path that ends with a slash is a folder."""
SAME_NAMES = {
    **{"captions/": CUES, "sidecars/": VALUES, "xml/": VALUES, "poison/": VALUES, "sums/": SUMS},
    "exr/": EXR,
}
"""Tables whose rows have the names of the inputs, by folder."""


def has_row(path: str) -> bool:
    """Whether an input has a row."""
    folder = path[: path.find("/") + 1]
    name = path[len(folder) :]
    table = SAME_NAMES.get(folder)
    if table is not None and {name, name.removesuffix(".exr")} & set(find_table(table)):
        return True
    is_list = path.startswith("sums/") and ".mov" not in path
    return path in ROWS or (folder in ROWS and not is_list)


def find_table(name: str) -> object:
    """Return a table, or a test."""
    module, _, table = name.rpartition(".")
    place = "tests" if module.startswith("services.") else "tests.media"
    return getattr(import_module(f"{place}.{module}"), table)


def list_inputs(folder: Path) -> Iterator[str]:
    """Yield the paths of inputs, those in archives too."""
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".tar":
            with tarfile.open(path) as archive:
                yield from (member.name for member in archive.getmembers() if member.isfile())
        elif path.is_file() and path.name != "INDEX.md":
            yield path.relative_to(folder).as_posix()


def main() -> None:
    """Print the inputs without a row, and how many have one."""
    paths = list(list_inputs(Path(sys.argv[1])))
    missing = [path for path in paths if not has_row(path)]
    for path in missing:
        print(path)
    print(f"{len(paths) - len(missing)} of {len(paths)} inputs have a row")
    raise SystemExit(bool(missing))


if __name__ == "__main__":
    main()
