"""Broadcast waves: date and time, start timecode and iXML, as they stand in the chunks."""

import os
import struct
from pathlib import Path
from typing import Any

import pytest

from media.probe.broadcast_wave import join_date_and_time, read_broadcast_wave
from media.probe.frame_headers import _known_rate
from media.probe.header_values import clean_text

IXML = """<?xml version="1.0" encoding="UTF-8"?><BWFXML><PROJECT>Dawn</PROJECT><SCENE>12A</SCENE><TAKE>3</TAKE>
<TAPE>24Y05M01</TAPE><NOTE>plane</NOTE><SPEED><TIMECODE_RATE>25/1</TIMECODE_RATE><TIMECODE_FLAG>NDF</TIMECODE_FLAG>
</SPEED><TRACK_LIST><TRACK><NAME>Boom</NAME></TRACK><TRACK><NAME>Ada</NAME></TRACK></TRACK_LIST></BWFXML>"""
SAID: dict[str, Any] = {
    **{"scene": "12A", "take": "3", "reel": "24Y05M01", "description": "plane", "project": "Dawn"},
    "track_names": ["Boom", "Ada"],
}


def riff(path: Path, *chunks: tuple[bytes, bytes]) -> int:
    content = b"".join(name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2) for name, data in chunks)
    path.write_bytes(b"RIFF" + struct.pack("<I", len(content) + 4) + b"WAVE" + content)
    return os.open(path, os.O_RDONLY)


WAVES: dict[str, tuple[str, dict[str, str], dict[str, Any]]] = {
    # kind: iXML, tags, facts
    "no iXML": ("", {"time_reference": "1800000000"}, {"timecode_start": "10:25:00.000"}),
    "no reference": ("", {}, {}),
    "a reference of zero": ("", {"time_reference": "0"}, {}),
    "half a second": ("", {"time_reference": "24000"}, {"timecode_start": "00:00:00.500"}),
    "iXML": (IXML, {"time_reference": "1800023040"}, SAID | {"timecode_start": "10:25:00:12"}),
    "drop frames": (
        IXML.replace("NDF", "DF").replace("25/1", "30000/1001"),
        {"time_reference": "48000"},
        SAID | {"timecode_start": "00:00:01.000"},
    ),
    "a broken iXML": (IXML[:-20], {}, {}),
    "an encoding that is none": (IXML.replace("UTF-8", "x-none"), {}, {}),
    "an encoding of two bytes": (IXML.replace("UTF-8", "Shift_JIS"), {}, {}),
    "a bomb": ('<!DOCTYPE a [<!ENTITY b "c">]><a/>', {}, {}),
}


@pytest.mark.parametrize("kind", WAVES)
def test_a_broadcast_wave_says_when_and_what(tmp_path: Path, kind: str) -> None:
    ixml, tags, facts = WAVES[kind]
    chunks = [(b"fmt ", b"\0" * 16), (b"data", b"\0" * 3), *([(b"iXML", ixml.encode())] if ixml else [])]
    descriptor = riff(tmp_path / "a.wav", *chunks)
    try:
        assert read_broadcast_wave(descriptor, tags, 48_000) == facts
    finally:
        os.close(descriptor)


@pytest.mark.parametrize(
    ("tags", "joined"),
    [
        ({"date": "2026-05-01", "creation_time": "10:20:30"}, "2026-05-01T10:20:30"),
        ({"date": "2026:05:01", "creation_time": "10-20-30"}, "2026-05-01T10:20:30"),
        ({"creation_time": "10:20:30"}, None),
        ({"date": "May", "creation_time": "10:20:30"}, None),
        ({"creation_time": "2026-05-01T10:20:30Z"}, "2026-05-01T10:20:30Z"),
        ({}, None),
    ],
)
def test_date_and_time_are_one(tags: dict[str, str], joined: str | None) -> None:
    assert join_date_and_time(tags).get("creation_time") == joined


@pytest.mark.parametrize(
    ("written", "rate"),
    [
        (23.976, "24000/1001"),
        (23.98, "24000/1001"),
        (24.0, "24"),
        (25.0, "25"),
        (29.97, "30000/1001"),
        (59.94, "60000/1001"),
    ],
)
def test_a_rounded_rate_is_the_one_that_is_meant(written: float, rate: str) -> None:
    assert str(_known_rate(written)) == rate


@pytest.mark.parametrize(
    ("read", "text"),
    [
        ("Gr\udcfc\udcdfe", "Grüße"),
        ("Grüße", "Grüße"),
        ("a\0b", "a b"),
        ("\ud800", "?"),
    ],
)
def test_a_tag_that_is_no_utf_8_is_latin(read: str, text: str) -> None:
    assert clean_text(read) == text
