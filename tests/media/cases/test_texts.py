"""A row for each caption file, sidecar and table among the odd ones that people have sent, which lie beside this test.

Captions are what pysubs2 1.8.1 or FFmpeg 5.1 read, and where they differ the one that loses nothing; the remark names
it. Values of JSON are those of Python's `json`, the number of rows of a CSV that of `csv`; all others of CSV, XMP,
Avid logs and camera XML are written in the files. Guessed code pages are the ones with which the files were made.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from media.captions.reader import read_captions
from media.sidecars.program import read_sidecar_files

CAPTIONS, SIDECARS = Path(__file__).parent / "captions", Path(__file__).parent / "sidecars"
Cue = tuple[int, int, str]
HELLO, YOU = (1_000, 2_000, "hello"), (3_000, 4_000, "you")
LATER: Cue = (1_500, 2_250, "hello")


def guessed(name: str) -> str:
    return f"its encoding is not stated, and was taken to be {name}"


CUES: dict[str, tuple[Sequence[Cue], str | None]] = {
    # file: captions, remark to the reader
    "arrow_variant.srt": ([LATER, YOU, (5_000, 6_000, "ok")], None),  # pysubs2; FFmpeg reads nothing
    "bidi.srt": ([(1_000, 2_000, "\u202b\u05e9\u05dc\u05d5\u05dd\u202c")], None),
    "blank_inside.srt": ([(1_000, 2_000, "hello\nworld"), YOU], None),  # FFmpeg
    "bom_twice.srt": ([HELLO], None),  # pysubs2
    "colon_millis.srt": ([LATER], None),  # neither; the times are written so
    "coords.srt": ([LATER], None),
    "cp1251.srt": ([(1_000, 2_000, "\u041f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440")], guessed("cp1251")),
    "cp437.srt": ([(1_000, 2_000, "Grüße")], guessed("cp437")),
    "crcrlf.srt": ([HELLO, YOU], None),  # FFmpeg
    "end_before_start.srt": ([YOU], "1 caption that ends before it begins left out"),
    "euckr.srt": ([(1_000, 2_000, "\uc548\ub155\ud558\uc138\uc694")], guessed("cp949")),
    "gbk.srt": ([(1_000, 2_000, "\u4f60\u597d\u4e16\u754c")], guessed("gb18030")),
    "hours_optional.vtt": ([HELLO], None),
    "index_glued.srt": ([HELLO, YOU], None),
    "index_text.srt": ([(1_000, 2_000, "hello\nTwo"), YOU], None),  # FFmpeg
    "index_zero_neg.srt": ([HELLO, YOU], None),
    "js_style_cue_id_arrow.vtt": ([HELLO], None),
    "lastline.srt": ([(500, 1_000, "first"), (1_200, 2_040, "last line ends one frame late")], None),
    "lower_header.vtt": ([HELLO], None),
    "mm_ss.srt": ([LATER, YOU], None),
    "negative.srt": ([LATER, YOU], None),
    "no_blank_header.vtt": ([HELLO], None),  # pysubs2
    "no_millis.srt": ([HELLO, YOU], None),
    "nonascii_digits.srt": ([HELLO], None),
    "offset.srt": ([(36_672_600, 36_673_000, "programme timecode"), (36_673_200, 36_674_000, "second")], None),
    "region.vtt": ([HELLO], None),  # pysubs2
    "short_millis.srt": ([LATER], None),  # pysubs2; FFmpeg takes ",5" for 5 ms
    "srt_in_vtt.vtt": ([HELLO], None),
    "tag_times.vtt": ([(1_000, 2_000, "hello x \u6f22kan hi")], None),  # FFmpeg
    "utf16le_bom.srt": ([(1_000, 2_000, "Grüße")], None),  # FFmpeg
    "utf7.srt": ([(1_000, 2_000, "Gr+APwA3w-e")], None),
    "year_line.srt": ([(1_000, 2_000, "2001"), YOU], None),
}
NOT_GUESSED = {"macroman.srt"}
"""Too short to tell code pages apart; the guess is named."""


def test_every_caption_file_has_a_row() -> None:
    assert {path.name for path in CAPTIONS.iterdir()} == {*CUES, *NOT_GUESSED}


@pytest.mark.parametrize("name", CUES)
def test_captions_are_what_pysubs2_or_ffmpeg_say(name: str) -> None:
    cues, remark = CUES[name]
    read = read_captions((CAPTIONS / name).read_bytes(), Path(name).suffix)
    assert [(one.start_ms, one.end_ms, one.text) for one in read.captions] == list(cues)
    assert read.notes == ([] if remark is None else [remark])


def test_a_code_page_that_was_taken_is_named() -> None:
    for name in NOT_GUESSED:
        (note,) = read_captions((CAPTIONS / name).read_bytes(), ".srt").notes
        assert note.startswith(guessed(""))


Words = Mapping[str, Sequence[Any]]
LOG: tuple[str, Words] = (
    "clip",
    {
        **{"Tracks": ["V"], "Start": ["01:00:00:00"], "End": ["01:00:01:00"]},
        **{"Scene": ["12A"], "Take": ["3"], "Tape": ["A001"]},
    },
)
VALUES: dict[str, Words | Sequence[tuple[str, Words]] | str] = {
    # file: values about its own clip, or a row for each clip, or why it cannot be read
    "alt.xmp": {
        **{"dc:title": ["Title"], "dc:title-de": ["Titel"]},
        **{"dc:description": ["nur deutsch"], "dc:description-en-US": ["english"]},
    },
    "array.json": [("clip.mov", {"Title": ["T"], "Rating": [4], "Keywords": ["a", "b"]})],
    "blank_first.csv": [("clip.mov", {"scene": ["1"]})],
    "bom.csv": [("clip.mov", {"scene": ["1"]})],
    "bomb.xmp": "declares entities, which can expand without limit; it is not",
    "case.ale": [LOG],
    "clipname.csv": [("clip.mov", {"Scene": ["1"]}), ("clip2.mov", {"Scene": ["2"]})],
    "comma_in_semi_header.csv": [("clip.mov", {"scene, take": ["1"], "notes": ["2"]})],
    "comments.json": "is no JSON that can be read: Expecting property name enclose",
    "cr.csv": [("clip.mov", {"scene": ["1"]})],
    "ctrl.xmp": "is no XML that can be read: reference to invalid character n",
    "dates.xmp": {"xmp:CreateDate": ["2024"]},
    "dates3.xmp": {"xmp:CreateDate": ["2024-05-01T10:20"]},
    "dup.ale": [
        (
            "clip",
            {"Scene": ["V", "12A"], "Start": ["01:00:00:00"], "End": ["01:00:01:00"], "Take": ["3"], "Tape": ["A001"]},
        )
    ],
    "dupcols.csv": [("clip.mov", {"notes": ["a", "b"]})],
    "empty.xmp": "is no XML that can be read: no element found in line 1",
    "exifdate.json": {"creation_time": ["2023:05:01 10:20:30"], "rating": [3]},
    "extid.json": 'holds a NUL in "external_id", which no text may; write the s',
    "float.json": {"take": [1.0], "rate": [23.976023976023978], "neg": [-0.0]},
    "good2.json": {"scene": ["2"], "title": ["Fine"]},
    "header_nl.csv": [("clip.mov", {"scene\nnumber": ["1"], "take": ["2"]})],
    "icloudpd.xmp": {"xmp:CreateDate": ["2024-01-23T18:12:34-0700"], "xmp:Rating": ["5"]},
    "inf.json": "is no JSON that can be read: 1e999 is larger than any number",
    "latin1.json": {"scene": ["Grüße"]},
    "nan.json": "is no JSON that can be read: NaN is no JSON number",
    "no_heading.ale": [LOG],
    "nsonly.xmp": {"my:Project": ["P1"], "xmp:Label": ["R"], "my:Client": ["ACME"]},
    "nul_key.json": 'holds a NUL in "a\\0b", which no text may; write the sidecar ',
    "nulref.xmp": "is no XML that can be read: reference to invalid character n",
    "nulval.json": 'holds a NUL in "notes", which no text may; write the sidecar',
    "ok.ale": [LOG],
    "onecol.csv": [("clip.mov", {})],
    "path.csv": [("C:\\\\cards\\\\A\\\\clip.mov", {"scene": ["1"]}), ("/Volumes/X/clip2.mov", {"scene": ["2"]})],
    "pipe_delim.csv": [("clip.mov", {"scene": ["1"]})],
    "poison_inf.json": "is no JSON that can be read: 1e999 is larger than any number",
    "quote_bad.csv": "is no table that can be read: ',' expected after '\"'",
    "quoted.ale": [
        (
            "clip",
            {
                "Tracks": ["V"],
                "Start": ["01:00:00:00"],
                "End": ["01:00:01:00"],
                "Scene": ["12\tA"],
                "Take": ["3"],
                "Tape": ["A001"],
            },
        )
    ],
    "quoted_nl.csv": [("clip.mov", {"notes": ['a\nb "q" c']})],
    "rating_neg.xmp": {"xmp:Rating": ["-1"]},
    "semi.csv": [("clip.mov", {"scene": ["1"], "take": ["2"]})],
    "short_row.csv": [("clip.mov", {"scene": ["1"]})],
    "sony.xml": {
        "clip_name": ["Ünï"],
        "duration_frames": ["210"],
        "creation_time": ["2026-08-06T22:27:17-05:00"],
        "device_manufacturer": ["Sony"],
        "device": ["ILCE-6700"],
        "device_serial": ["4294967295"],
        "video_codec": ["AVC50_1920_1080_H422P@L42"],
        "capture_rate": ["59.94p"],
        "notes": ["desc"],
        "timecode_start": ["01:56:34:12"],
    },
    "sourcefile1.csv": [("clip.mov", {"Title": ["T"]})],
    "src_file_path.ale": [
        (
            "clip",
            {
                "Tracks": ["V"],
                "Start": ["01:00:00:00"],
                "End": ["01:00:01:00"],
                "Scene": ["12A"],
                "Take": ["3"],
                "Source File Path": ["A001"],
            },
        )
    ],
    "surr_key.json": 'holds half a surrogate pair in "a\\udc00b", which no text may',
    "tabs.json": {"scene": ["a\tb"]},
    "tempo.xmp": {
        "xmpDM:startTimecode": ["10:00:00:00"],
        "xmpDM:startTimecode/xmpDM:timeFormat": ["25Timecode"],
        "xmpDM:tracks[1]/xmpDM:trackName": ["Comment"],
        "xmpDM:tracks[1]/xmpDM:markers[1]/xmpDM:startTime": ["100"],
        "xmpDM:duration/xmpDM:value": ["100"],
        "xmpDM:duration/xmpDM:scale": ["1/25"],
    },
    "title.json": 'holds half a surrogate pair in "title", which no text may; w',
    "trailing_delims.csv": [("clip.mov", {"scene": ["1"]})],
    "two_desc.xmp": {"xmp:Rating": ["3"], "xmp:Label": ["Blue"]},
    "tzhour.xmp": {"xmp:CreateDate": ["2024-01-23T18:12:34+02"], "xmp:Rating": ["5"]},
    "unclosed.csv": "is no table that can be read: unexpected end of data",
    "utf16.json": {"scene": ["ä"]},
    "utf16bom.xmp": {"xmp:Rating": ["5"]},
    "utf16tab.csv": [("clip.mov", {"Scene": ["1"]})],
    "xapmeta.xmp": {"xmp:Rating": ["3"]},
}
GUESSED = {"macroman.ale"}
"""In the code page of an old Mac, which an Avid log does not name: one letter of it is another."""


def test_every_sidecar_has_a_row() -> None:
    assert {path.name for path in SIDECARS.iterdir()} == {*VALUES, *GUESSED}


def read_one(path: Path) -> Words | Sequence[tuple[str, Words]] | str:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        (facts,) = read_sidecar_files({"names": [path.name]}, [descriptor])["files"]
    finally:
        os.close(descriptor)
    if "error" in facts:
        return str(facts["error"])
    return [(row["name"], row["words"]) for row in facts["rows"]] if facts.get("rows") else facts["words"]


@pytest.mark.parametrize("name", VALUES)
def test_a_sidecar_says_what_is_written_in_it(name: str) -> None:
    wanted, found = VALUES[name], read_one(SIDECARS / name)
    if isinstance(wanted, str):
        assert isinstance(found, str)
        assert found.startswith(wanted)
    else:
        assert found == wanted


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("deep.json", b"[" * 100_000 + b"]" * 100_000, "is no JSON that is read: it is nested too deep"),
        ("bigint.json", b'{"a": ' + b"9" * 5_000 + b"}", "is no JSON that can be read"),
    ],
)
def test_a_sidecar_that_is_made_to_harm_says_why_it_is_not_read(
    tmp_path: Path, name: str, content: bytes, why: str
) -> None:
    (tmp_path / name).write_bytes(content)
    found = read_one(tmp_path / name)
    assert isinstance(found, str)
    assert found.startswith(why)
