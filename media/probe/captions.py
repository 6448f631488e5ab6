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


@dataclass(frozen=True, slots=True)
class TimedCaption:
    """Text shown from one time to another, without tags."""

    start_ms: int
    end_ms: int
    text: str


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
