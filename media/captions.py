"""Reading caption files: SubRip and WebVTT, in whatever encoding their program wrote them.

A library splits the file into captions. What is ours is what a stranger's file may cost: its size, how many captions
it may have and how long one may be.
"""

import html
import io
from dataclasses import dataclass

import webvtt
from webvtt.errors import MalformedCaptionError, MalformedFileError

FORMATS = {".srt": "srt", ".vtt": "vtt"}
"""By the extension of the name; the content decides nothing, because SubRip has no mark to know it by."""
MOST_BYTES = 8 * 1024 * 1024
"""Captions of a long film take 200 kB."""
MOST_CAPTIONS = 20_000
MOST_CHARACTERS = 10_000
LATEST_MS = 2**31 - 1


class CaptionsError(Exception):
    """Not a caption file that can be used; the text says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Caption:
    """What is shown from one time to another, in milliseconds, without tags."""

    start_ms: int
    end_ms: int
    text: str


def read_captions(content: bytes, caption_format: str) -> list[Caption]:
    """The captions of a file that have a text, by their start."""
    if len(content) > MOST_BYTES:
        raise CaptionsError(f"has more than {MOST_BYTES:,} bytes, which no captions have")
    try:
        parsed = webvtt.from_buffer(io.StringIO(decoded(content)), format=caption_format)
    except (MalformedFileError, MalformedCaptionError) as error:
        raise CaptionsError(f"is no {caption_format} file: {error}"[:300]) from None
    if len(parsed) > MOST_CAPTIONS:
        raise CaptionsError(f"has {len(parsed):,} captions; at most {MOST_CAPTIONS:,} are read")
    found = [_caption(each) for each in parsed]
    kept = [each for each in found if each.text and 0 <= each.start_ms <= each.end_ms <= LATEST_MS]
    if not kept:
        raise CaptionsError("has no caption with a text and times that can be read")
    return sorted(kept, key=lambda each: (each.start_ms, each.end_ms))


def _caption(found: webvtt.Caption) -> Caption:
    start, end = found.start_time.in_milliseconds(), found.end_time.in_milliseconds()
    return Caption(start, end, html.unescape(found.text).strip()[:MOST_CHARACTERS])


def decoded(content: bytes) -> str:
    """Text of bytes: what a byte order mark says, else UTF-8, else UTF-16 by its empty halves, else Windows' Latin-1.

    The last reads anything, so nothing fails here; a wrong guess shows as wrong letters, not as a lost line.
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
