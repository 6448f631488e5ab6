"""Captions as values, the limits of caption files, and the decoding of small texts."""

from dataclasses import dataclass

MAX_CAPTION_FILE_BYTES = 8 * 1024 * 1024
"""For comparison: the captions of a long film take 200 kB."""
MAX_CAPTIONS = 20_000
MAX_CAPTION_CHARACTERS = 10_000
MAX_CAPTION_MS = 2**31 - 1
CAPTION_EXTENSIONS_READ = (
    *(".srt", ".vtt", ".ass", ".ssa", ".ttml", ".dfxp", ".itt", ".scc", ".stl", ".smi", ".sami", ".sub"),
)
FALLBACK_CODEC = "cp1252"
ENCODING_GUESSED = "its encoding is not stated, and was taken to be "


@dataclass(frozen=True, slots=True)
class TimedCaption:
    """Text shown from one time to another, without tags."""

    start_ms: int
    end_ms: int
    text: str


def decode_text(content: bytes) -> str:
    """Decode as Unicode, else as Windows-1252.

    Windows-1252 decodes anything, so this never fails: a wrong guess shows wrong letters, but loses no line.
    """
    return content.decode(find_unicode_codec(content) or FALLBACK_CODEC, "replace").replace("\0", "")


def find_unicode_codec(content: bytes) -> str | None:
    """Return the codec of a text by its byte order mark, else UTF-16 if many bytes are zero, else UTF-8; None for text
    in another encoding."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if content.startswith(b"\xef\xbb\xbf"):
        return "utf-8-sig"
    if (sample := content[:1_000]) and sample.count(0) > len(sample) // 4:
        return "utf-16-be" if sample[0] == 0 else "utf-16-le"
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return "utf-8"
