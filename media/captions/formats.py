"""Caption formats other than SubRip and WebVTT, read by pysubs2 and ttconv."""

import html
import io
import logging
import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from xml.etree import ElementTree

import pysubs2
from ttconv.imsc import reader as imsc_reader
from ttconv.scc import reader as scc_reader
from ttconv.srt import writer as srt_writer
from ttconv.stl import reader as stl_reader

from media.captions.cues import Cue, CueLines, scan_cues
from media.captions.timed_text import TTML_NAMESPACE, nest_timed, remove_untimed
from media.sandbox.protocol import UnreadableError
from media.sidecars.bounded_xml import parse_xml

VOBSUB_MAGIC = b"\0\0\1\xba"
MICRODVD_LINE = re.compile(r"\{\d+\}\{\d*\}")
MICRODVD_RATE = re.compile(r"\{1\}\{1\}([\d.]{1,10})\s*")
SAMI_SYNC = re.compile(r"<SYNC[^<>]{0,100}?START\s*=\s*[\"']?(\d{1,9})[^<>]{0,100}>", re.IGNORECASE)
SAMI_BREAK = re.compile(r"<BR[ /]{0,3}>|<P(?:\s[^<>]{0,100})?>", re.IGNORECASE)
"""A paragraph is another language, or another line."""
SAMI_TAG = re.compile(r"<[^<>]{0,300}>")
SAMI_LAST_MS = 4_000
"""How long the last text is shown, after which nothing follows."""
DRAFT_NAMESPACE = re.compile(rb"http://www\.w3\.org/2006/(?:04|10)/ttaf1")
"""DFXP files have the namespace of a draft, which ttconv does not know."""
STL_MAGIC = re.compile(rb"[0-9]{3}STL[0-9]{2}\.01")
logging.getLogger("ttconv").setLevel(logging.CRITICAL)

TextDecoder = Callable[[bytes], str]


def read_ssa(content: bytes, decode: TextDecoder, rate: Fraction | None) -> CueLines:
    """Read Advanced SubStation Alpha, of either version."""
    return _events_of(pysubs2.SSAFile.from_string(decode(content), format_="ass"))


def read_sami(content: bytes, decode: TextDecoder, rate: Fraction | None) -> CueLines:
    """Read SAMI, in which a text is shown until the next one; pysubs2 shortens it to the time that reading takes."""
    _, *said = SAMI_SYNC.split(decode(content))
    starts, texts = [int(start) for start in said[0::2]], said[1::2]
    ends = [*starts[1:], *(start + SAMI_LAST_MS for start in starts[-1:])]
    shown = zip(starts, ends, map(_sami_text, texts), strict=True)
    return CueLines([Cue(start, end, text) for start, end, text in shown if text])


def _sami_text(code: str) -> str:
    text = html.unescape(SAMI_TAG.sub("", SAMI_BREAK.sub("\n", code)))
    return "\n".join(line for each in text.split("\n") if (line := each.strip()))


def read_microdvd(content: bytes, decode: TextDecoder, rate: Fraction | None) -> CueLines:
    """Read MicroDVD, whose times are frames: of the rate in its first line, or else of the clip."""
    if content.startswith(VOBSUB_MAGIC):
        raise UnreadableError("holds captions as pictures (VobSub), which are not read")
    text = decode(content)
    if MICRODVD_LINE.match(text) is None:
        return scan_cues(text, rate)
    own = MICRODVD_RATE.match(text)
    if own is None and not rate:
        raise UnreadableError("counts frames, and neither it nor the clip states a rate; write {1}{1}25 first")
    fps = None if own is not None or rate is None else float(rate)
    return _events_of(pysubs2.SSAFile.from_string(text, format_="microdvd", fps=fps))


def read_scc(content: bytes, decode: TextDecoder, rate: Fraction | None) -> CueLines:
    """Read Scenarist closed captions (CEA-608)."""
    return CueLines(scan_cues(srt_writer.from_model(scc_reader.to_model(decode(content)))).cues)


def read_ebu_stl(content: bytes, decode: TextDecoder, rate: Fraction | None) -> CueLines:
    """Read EBU STL (Tech 3264)."""
    if STL_MAGIC.match(content[3:11] if len(content) > 11 else b"") is None and b"STL" not in content[:11]:
        raise UnreadableError("is no EBU STL file; other captions under this name are not read")
    return CueLines(scan_cues(srt_writer.from_model(stl_reader.to_model(io.BytesIO(content)))).cues)


def read_ttml(content: bytes, decode: TextDecoder, rate: Fraction | None) -> CueLines:
    """Read TTML and its profiles: IMSC, EBU-TT, iTunes timed text, DFXP."""
    root = parse_xml(content)
    if root.name != "tt":
        raise UnreadableError(f'is no timed text: it begins with "{root.name[:80]}"')
    content = DRAFT_NAMESPACE.sub(TTML_NAMESPACE.encode(), content)
    document = ElementTree.fromstring(content)
    unreadable = remove_untimed(document)
    nest_timed(document)
    model = imsc_reader.to_model(ElementTree.ElementTree(document))
    if model is None:
        raise UnreadableError("is timed text without a body")
    return CueLines(scan_cues(srt_writer.from_model(model)).cues, unreadable_times=unreadable)


CAPTION_READERS: dict[str, Callable[[bytes, TextDecoder, Fraction | None], CueLines]] = {
    **{".ass": read_ssa, ".ssa": read_ssa, ".smi": read_sami, ".sami": read_sami, ".sub": read_microdvd},
    **{".scc": read_scc, ".stl": read_ebu_stl},
    **dict.fromkeys((".ttml", ".dfxp", ".itt"), read_ttml),
}


def _events_of(found: Sequence[pysubs2.SSAEvent]) -> CueLines:
    shown = (one for one in found if not one.is_comment and not one.is_drawing)
    return CueLines([Cue(one.start, one.end, one.plaintext.strip()) for one in shown])
