"""What broadcast waves say beside their sound: date and time, start timecode, and iXML of location recorders."""

import os
import re
import struct
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any
from xml.etree import ElementTree

from media.probe.header_values import clean_text

MAX_CHUNKS = 64
MAX_IXML_BYTES = 256 << 10
RIFF_MAGICS = frozenset({b"RIFF", b"RF64", b"BW64"})
BWF_DATE = re.compile(r"(\d{4})[-:/._ ](\d\d)[-:/._ ](\d\d)", re.ASCII)
BWF_TIME = re.compile(r"(\d\d)[-:._ ](\d\d)[-:._ ](\d\d)", re.ASCII)
IXML_FIELDS = {"SCENE": "scene", "TAKE": "take", "TAPE": "reel", "NOTE": "description", "PROJECT": "project"}


def read_broadcast_wave(descriptor: int, tags: Mapping[str, str], sample_rate: int | None) -> dict[str, Any]:
    """Return the facts of a broadcast wave: from its tags, which FFmpeg reads out of `bext`, and its iXML."""
    if os.pread(descriptor, 4, 0) not in RIFF_MAGICS:
        return {}
    ixml = next((content for name, content in _chunks(descriptor) if name == b"iXML"), b"")
    facts = _read_ixml(ixml)
    rate = facts.pop("timecode_rate", None)
    reference = tags.get("time_reference", "")
    if sample_rate and reference.isdecimal() and len(reference) < 19 and int(reference):
        facts["timecode_start"] = _timecode(Fraction(int(reference), sample_rate), rate)
    return facts


def join_date_and_time(tags: Mapping[str, str]) -> dict[str, str]:
    """Return tags in which `bext`'s date and time are one creation time; a time without a day is none."""
    time = BWF_TIME.fullmatch(tags.get("creation_time", ""))
    if time is None:
        return dict(tags)
    rest = {name: value for name, value in tags.items() if name != "creation_time"}
    day = BWF_DATE.fullmatch(tags.get("date", ""))
    return rest | ({"creation_time": f"{'-'.join(day.groups())}T{':'.join(time.groups())}"} if day else {})


def _chunks(descriptor: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield the chunks of a RIFF file; only of iXML the content."""
    place = 12
    for _ in range(MAX_CHUNKS):
        head = os.pread(descriptor, 8, place)
        if len(head) < 8:
            return
        name, size = head[:4], struct.unpack("<I", head[4:])[0]
        if size == 0xFFFFFFFF:  # of RF64, whose true size is elsewhere; what follows the sound is not found
            return
        yield name, os.pread(descriptor, min(size, MAX_IXML_BYTES), place + 8) if name == b"iXML" else b""
        place += 8 + size + size % 2


def _read_ixml(content: bytes) -> dict[str, Any]:
    """Return scene, take, tape, note, tracks and rate; nothing of a content that is no plain XML."""
    text = content.rstrip(b"\0 \r\n")
    if not text or b"<!" in text:
        return {}
    try:
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, LookupError, ValueError):  # the last two: of an encoding that is not loaded
        return {}
    said = {fact: clean_text(root.findtext(name) or "") for name, fact in IXML_FIELDS.items()}
    tracks = [clean_text(track.findtext("NAME") or "") for track in root.findall("TRACK_LIST/TRACK")][:64]
    facts: dict[str, Any] = {name: value for name, value in said.items() if value}
    if any(tracks):
        facts["track_names"] = tracks
    rate = re.fullmatch(r"(\d{1,6})/(\d{1,6})", root.findtext("SPEED/TIMECODE_RATE") or "", re.ASCII)
    if rate and int(rate[1]) and int(rate[2]) and (root.findtext("SPEED/TIMECODE_FLAG") or "NDF") == "NDF":
        facts["timecode_rate"] = Fraction(int(rate[1]), int(rate[2]))
    return facts


def _timecode(seconds: Fraction, rate: Fraction | None) -> str:
    """Return a start in frames where the recorder says its rate, else in milliseconds."""
    fps = round(rate) if rate else 0
    if rate and 0 < fps <= 120:
        whole, frames = divmod(round(seconds * rate), fps)
        last = f":{frames:02}"
    else:
        whole, milliseconds = divmod(round(seconds * 1_000), 1_000)
        last = f".{milliseconds:03}"
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours % 24:02}:{minute:02}:{second:02}{last}"
