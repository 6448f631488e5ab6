"""Reading of caption files: by content where a format can be told, within limits for untrusted files.

What is not read is counted, and reported with the captions that were.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from media.captions.cues import Cue, CueLines, scan_cues
from media.captions.encodings import guess_codec, uses_escapes
from media.captions.formats import CAPTION_READERS
from media.probe.captions import (
    ENCODING_GUESSED,
    MAX_CAPTION_CHARACTERS,
    MAX_CAPTION_FILE_BYTES,
    MAX_CAPTION_MS,
    MAX_CAPTIONS,
    TimedCaption,
    decode_text,
)
from media.sandbox.protocol import UnreadableError
from media.sidecars.limits import describe_count

LEFT_OUT = (
    "that ends before it begins",
    "behind the longest time",
    "that begins before zero",
    "without a text",
)


@dataclass(frozen=True, slots=True)
class CaptionsRead:
    """Captions that have text, sorted by start, and notes about what was left out or guessed."""

    captions: list[TimedCaption]
    notes: list[str]


def read_captions(content: bytes, extension: str, rate: Fraction | None = None) -> CaptionsRead:
    """Read a caption file; `rate` is that of the clip, for formats that count frames.

    Raises:
        UnreadableError: it holds no captions; the message says why.
    """
    if len(content) > MAX_CAPTION_FILE_BYTES:
        raise UnreadableError(f"has more than {MAX_CAPTION_FILE_BYTES:,} bytes, which no captions have")
    decoding = _Decoding()
    reader = CAPTION_READERS.get(extension)
    if reader is None:
        scanned = scan_cues(decoding.decode(content), rate)
    else:
        try:
            scanned = reader(content, decoding.decode, rate)
        except (UnreadableError, MemoryError):
            raise
        except Exception as error:  # the libraries raise errors of any type
            raise UnreadableError(f"is no {extension[1:]} file that can be read: {error}"[:300]) from None
    cues = scanned.cues
    if len(cues) > MAX_CAPTIONS:
        raise UnreadableError(f"has {len(cues):,} captions; at most {MAX_CAPTIONS:,} are read")
    kept = [one for one in cues if _why_left_out(one) is None]
    if not kept:
        raise UnreadableError("has no caption with a text and times that can be read")
    notes = _describe_lines(scanned)
    left_out = Counter(filter(None, map(_why_left_out, cues)))
    for reason in LEFT_OUT:
        notes += describe_count(left_out[reason], "caption", f"{reason} left out")
    cut = sum(1 for one in kept if len(one.text) > MAX_CAPTION_CHARACTERS)
    notes += describe_count(cut, "caption", f"cut to {MAX_CAPTION_CHARACTERS:,} characters")
    if decoding.guessed:
        notes.append(ENCODING_GUESSED + decoding.guessed)
    return CaptionsRead(_timed(kept), notes)


def _describe_lines(scanned: CueLines) -> list[str]:
    return [
        *describe_count(scanned.unreadable_times, "time line", "cannot be read"),
        *describe_count(scanned.unmeasured_frames, "caption", "with times in frames, taken for hundredths of a second"),
        *describe_count(scanned.junk_lines, "line", "before the first caption left out"),
    ]


def _why_left_out(cue: Cue) -> str | None:
    """Return the first reason for which a cue is no caption, or None."""
    failed = (cue.end_ms < cue.start_ms, cue.end_ms > MAX_CAPTION_MS, cue.start_ms < 0, not cue.text)
    return next((reason for reason, is_so in zip(LEFT_OUT, failed, strict=True) if is_so), None)


def _timed(cues: Sequence[Cue]) -> list[TimedCaption]:
    found = [TimedCaption(one.start_ms, one.end_ms, one.text[:MAX_CAPTION_CHARACTERS]) for one in cues]
    return sorted(found, key=lambda each: (each.start_ms, each.end_ms))


class _Decoding:
    """Decodes a file, and keeps which codec was guessed."""

    def __init__(self) -> None:
        self.guessed = ""

    def decode(self, content: bytes) -> str:
        """Decode by byte order mark, as UTF-8, or by a guess; NUL is dropped, which no database stores."""
        if content.isascii() and uses_escapes(content):
            self.guessed = "iso2022_jp"
            return content.decode("iso2022_jp", "replace").replace("\0", "")
        is_wide = content[:2] in (b"\xff\xfe", b"\xfe\xff") or content[:1_000].count(0) > len(content[:1_000]) // 4
        try:
            return decode_text(content) if is_wide else content.decode("utf-8-sig").replace("\0", "")
        except UnicodeDecodeError:
            self.guessed = guess_codec(content)
            return content.decode(self.guessed, "replace").replace("\0", "")
