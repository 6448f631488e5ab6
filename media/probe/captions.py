"""Reading caption files: SubRip and WebVTT, in any encoding.

A library parses the captions. This module adds limits for untrusted files: bytes, number of captions, and their length.
"""

import html
import io
from dataclasses import dataclass

import webvtt
from webvtt.errors import MalformedCaptionError, MalformedFileError

CAPTION_FORMATS = {".srt": "srt", ".vtt": "vtt"}
"""Formats by extension. Content is not sniffed, because SubRip has no signature."""
MAX_CAPTION_FILE_BYTES = 8 * 1024 * 1024
"""For comparison: the captions of a long film take 200 kB."""
MAX_CAPTIONS = 20_000
MAX_CAPTION_CHARACTERS = 10_000
MAX_CAPTION_MS = 2**31 - 1


class CaptionsError(Exception):
    """The file is no usable caption file; the message says why."""


@dataclass(frozen=True, slots=True)
class TimedCaption:
    """Text shown from one time to another, without tags."""

    start_ms: int
    end_ms: int
    text: str


def read_captions(content: bytes, caption_format: str) -> list[TimedCaption]:
    """Return the captions that have text, sorted by start."""
    if len(content) > MAX_CAPTION_FILE_BYTES:
        raise CaptionsError(f"has more than {MAX_CAPTION_FILE_BYTES:,} bytes, which no captions have")
    try:
        parsed = webvtt.from_buffer(io.StringIO(decode_text(content)), format=caption_format)
    except (MalformedFileError, MalformedCaptionError) as error:
        raise CaptionsError(f"is no {caption_format} file: {error}"[:300]) from None
    if len(parsed) > MAX_CAPTIONS:
        raise CaptionsError(f"has {len(parsed):,} captions; at most {MAX_CAPTIONS:,} are read")
    found = [_to_timed_caption(each) for each in parsed.captions]
    kept = [each for each in found if each.text and 0 <= each.start_ms <= each.end_ms <= MAX_CAPTION_MS]
    if not kept:
        raise CaptionsError("has no caption with a text and times that can be read")
    return sorted(kept, key=lambda each: (each.start_ms, each.end_ms))


def _to_timed_caption(found: webvtt.Caption) -> TimedCaption:
    start, end = found.start_time.in_milliseconds(), found.end_time.in_milliseconds()
    return TimedCaption(start, end, html.unescape(found.text).strip()[:MAX_CAPTION_CHARACTERS])


def decode_text(content: bytes) -> str:
    """Decode by byte order mark, else as UTF-8, else as UTF-16 if many bytes are zero, else as Windows-1252.

    Windows-1252 decodes anything, so this never fails: a wrong guess shows wrong letters, but loses no line.
    """
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace").replace("\0", "")
    if content.startswith(b"\xef\xbb\xbf"):
        return content.decode("utf-8-sig", "replace").replace("\0", "")
    if (sample := content[:1_000]) and sample.count(0) > len(sample) // 4:
        return content.decode("utf-16-be" if sample[0] == 0 else "utf-16-le", "replace").replace("\0", "")
    try:
        return content.decode("utf-8").replace("\0", "")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace").replace("\0", "")
