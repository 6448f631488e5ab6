"""Caption files of every format, encoding and temper.

The expected answers are those of pysubs2 1.8.1, FFmpeg 9.0 and ttconv 1.2.3, or the line that none of them reads is
counted.
"""

from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import pytest

from media.captions.reader import CaptionsRead, read_captions
from media.probe.captions import MAX_CAPTION_FILE_BYTES, TimedCaption, decode_text
from media.sandbox.batch_reader import ReadEnd, ReadItem, SandboxReader
from media.sandbox.protocol import UnreadableError
from media.sandbox.seccomp import ResourceLimits
from media.sandbox.supervisor import ConfinedChild
from tests.media.sandbox.test_supervisor import source

SRT = "1\n00:00:01,000 --> 00:00:02,500\nGrüße <i>von</i>\nhier\n\n2\n00:00:03,000 --> 00:00:04,000\nEnde\n"
READ = [TimedCaption(1_000, 2_500, "Grüße von\nhier"), TimedCaption(3_000, 4_000, "Ende")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_unicode_is_found_out(encoding: str) -> None:
    assert read_captions(SRT.encode(encoding), ".srt") == CaptionsRead(READ, [])
    assert read_captions(SRT.replace("\n", "\r\n").encode(encoding), ".srt") == CaptionsRead(READ, [])


TEXTS = {
    "cp1252": "Grüße von hier, schön",
    "cp1251": "Привет, мир. Как дела?",
    "cp1250": "Zażółć gęślą jaźń",
    "cp1253": "Καλημέρα κόσμε",
    "cp1256": "مرحبا بالعالم",
    "cp932": "こんにちは世界、元気ですか",
    "cp949": "안녕하세요",
    "gb18030": "你好世界",
    "cp437": "Grüße",
}


@pytest.mark.parametrize("encoding", TEXTS)
def test_an_8_bit_encoding_is_guessed_and_the_guess_is_told(encoding: str) -> None:
    content = f"1\n00:00:01,000 --> 00:00:02,000\n{TEXTS[encoding]}\n".encode(encoding)
    read = read_captions(content, ".srt")
    assert [one.text for one in read.captions] == [TEXTS[encoding]]
    assert [note.startswith("its encoding is not stated, and was taken to be ") for note in read.notes] == [True]


TWO = [TimedCaption(1_000, 2_000, "hello"), TimedCaption(3_000, 4_000, "you")]
HELLO = [TimedCaption(1_000, 2_000, "hello")]
ONE, OTHER = "00:00:01,000 --> 00:00:02,000\nhello", "00:00:03,000 --> 00:00:04,000\nyou"


def cue(said: str, behind: str = "") -> str:
    return f"1\n00:00:01,000 --> 00:00:02,000{behind}\n{said}\n"


ASS = (
    "[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\nFormat: Name, Fontname\nStyle: Default,Arial\n\n[Events]\n"
    "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
    "Comment: 0,0:00:00.50,0:00:00.70,Default,,0,0,0,,a note\n"
    "Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,{\\i1}hel{\\i0}lo\n"
    "Dialogue: 0,0:00:03.00,0:00:04.00,Default,,0,0,0,,you\n"
)
TTML = (
    '<?xml version="1.0"?><tt xmlns="http://www.w3.org/ns/ttml" xml:lang="en"><body><div>'
    '<p begin="00:00:01.000" end="00:00:02.000">hello</p><p begin="3s" dur="1s">you</p></div></body></tt>'
)
SAMI = (
    "<SAMI><BODY><SYNC Start=1000><P Class=ENCC>hello</P></SYNC><SYNC Start=2000><P>&nbsp;</P></SYNC>"
    "<SYNC Start=3000><P>you</P></SYNC><SYNC Start=4000><P>&nbsp;</P></SYNC></BODY></SAMI>"
)
SCC = (
    "Scenarist_SCC V1.0\n\n00:00:01:00\t9420 9420 94ae 94ae 9470 9470 c8e5 ecec ef80 942f 942f\n\n"
    "00:00:03:00\t942c 942c\n"
)
TAGS = (
    "WEBVTT\n\n00:01.000 --> 00:02.000\n<00:01.200>hel<00:01.500>lo <c.yellow.bg_blue>x</c> "
    "<ruby>漢<rt>kan</rt></ruby> <lang en>hi</lang>"
)

# By the specification of TTML times count from the begin of the element around, or in a sequence from the end before.
TIMED_BODIES: dict[str, tuple[str, list[TimedCaption], list[str]]] = {
    "a body that begins later": (
        '<body begin="10s"><div><p begin="1s" end="2s">a</p>\n<p begin="3s" dur="1s">b</p></div></body>',
        *([TimedCaption(11_000, 12_000, "a"), TimedCaption(13_000, 14_000, "b")], []),
    ),
    "a body that begins in the middle of its lines": (
        '<body begin="5s"><div><p begin="1s" end="8s">a</p></div></body>',
        *([TimedCaption(6_000, 13_000, "a")], []),
    ),
    "body and div begin later": (
        '<body begin="00:00:10:00"><div begin="5s"><p begin="1s" end="2s">a</p></div></body>',
        *([TimedCaption(16_000, 17_000, "a")], []),
    ),
    "a body that ends": (
        '<body begin="10s" end="15s"><div><p begin="1s" end="8s">a</p></div></body>',
        *([TimedCaption(11_000, 15_000, "a")], []),
    ),
    "a sequence of divs": (
        '<body timeContainer="seq"><div><p end="2s">a</p></div><div><p begin="1s" end="3s">b</p></div></body>',
        *([TimedCaption(0, 2_000, "a"), TimedCaption(3_000, 5_000, "b")], []),
    ),
    "times of spans": (
        '<body><div><p begin="10s"><span begin="1s" end="2s">a</span></p></div></body>',
        *([TimedCaption(11_000, 12_000, "a")], []),
    ),
    "times that are none": (
        '<body begin=""><div><p begin="1:00" end="2s">a</p><p begin="3s" end="4">b</p>'
        '<p begin="5s" end="6s">c</p></div></body>',
        *([TimedCaption(5_000, 6_000, "c")], ["2 time lines cannot be read"]),
    ),
}
FILES: dict[str, tuple[str, str, list[TimedCaption], list[str]]] = {
    # kind: extension, content, captions, notes
    "plain": (".srt", f"1\n{ONE}\n\n2\n{OTHER}\n", TWO, []),
    "DFXP in the namespace of a draft": (
        ".dfxp",
        '<tt xmlns="http://www.w3.org/2006/10/ttaf1"><body><div><p begin="1s" end="2s">hello</p></div></body></tt>',
        *(HELLO, []),
    ),
    "a drawing": (
        ".ass",
        "[Script Info]\nScriptType: v4.00+\n[Events]\n"
        "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
        "Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,hello\n"
        "Dialogue: 0,0:00:03.00,0:00:04.00,Default,,0,0,0,,{\\p1}m 0 0 l 9 0{\\p0}\n",
        *(HELLO, []),
    ),
    "blank lines before": (".srt", f"\n\n \n1\n{ONE}\n\n2\n{OTHER}", TWO, []),
    "no index": (".srt", f"{ONE}\n\n{OTHER}\n", TWO, []),
    "one index missing": (".srt", f"1\n{ONE}\n\n{OTHER}\n", TWO, []),
    "an index before a blank line": (".srt", f"1\n{ONE}\n\n2\n\n{OTHER}\n", TWO, []),
    "no blank line between": (".srt", f"1\n{ONE}\n2\n{OTHER}\n", TWO, []),
    "an index of zero": (".srt", f"0\n{ONE}\n\n-1\n{OTHER}\n", TWO, []),
    "an Arabic index": (".srt", f"١\n{ONE}\n\n٢\n{OTHER}\n", TWO, []),
    "a year as text": (
        ".srt",
        f"1\n{ONE.replace('hello', '2001')}\n\n2\n{OTHER}\n",
        [TimedCaption(1_000, 2_000, "2001"), TWO[1]],
        [],
    ),
    "a year as text and no index": (
        ".srt",
        f"{ONE.replace('hello', '2001')}\n\n{OTHER}\n",
        [TimedCaption(1_000, 2_000, "2001"), TWO[1]],
        [],
    ),
    "a word for an index": (
        ".srt",
        f"1\n{ONE}\n\nTwo\n{OTHER}\n",
        [TimedCaption(1_000, 2_000, "hello\nTwo"), TWO[1]],
        [],
    ),
    "a blank line inside": (
        ".srt",
        f"1\n{ONE}\n\nworld\n\n2\n{OTHER}\n",
        [TimedCaption(1_000, 2_000, "hello\nworld"), TWO[1]],
        [],
    ),
    "two carriage returns": (".srt", f"1\n{ONE}\n\n2\n{OTHER}\n".replace("\n", "\r\r\n"), TWO, []),
    "line ends of an old Mac": (".srt", f"1\n{ONE}\n\n2\n{OTHER}\n".replace("\n", "\r"), TWO, []),
    "two byte order marks": (".srt", f"\ufeff\ufeff1\n{ONE}\n", HELLO, []),
    "junk before": (".srt", f"made by Ada\n\n1\n{ONE}\n", HELLO, ["1 line before the first caption left out"]),
    "coordinates": (".srt", cue("hello", " X1:100 X2:200 Y1:10 Y2:20"), HELLO, []),
    "other arrows": (".srt", f"1\n{ONE.replace('-->', '->')}\n\n2\n{OTHER.replace('-->', '–>')}\n", TWO, []),
    "no blanks at the arrow": (".srt", f"1\n{ONE.replace(' --> ', '-->')}\n", HELLO, []),
    "no hours": (".srt", "1\n00:01,000 --> 00:02,000\nhello\n", HELLO, []),
    "no milliseconds": (".srt", "1\n00:00:01 --> 00:00:02\nhello\n", HELLO, []),
    "one digit of milliseconds": (
        ".srt",
        "1\n00:00:01,5 --> 00:00:02,25\nhello\n",
        [TimedCaption(1_500, 2_250, "hello")],
        [],
    ),
    "four digits behind the second": (".srt", "1\n00:00:01,0000 --> 00:00:02,0000\nhello\n", HELLO, []),
    "frames without a rate": (
        ".srt",
        "1\n00:00:01:00 --> 00:00:02:00\nhello\n",
        HELLO,
        ["1 caption with times in frames, taken for hundredths of a second"],
    ),
    "a colon before the milliseconds": (".srt", "1\n00:00:01:000 --> 00:00:02:000\nhello\n", HELLO, []),
    "a negative time": (".srt", f"1\n-{ONE}\n\n2\n{OTHER}\n", TWO, []),
    "an end before its start": (
        ".srt",
        f"1\n00:00:05,000 --> 00:00:02,000\nhello\n\n2\n{OTHER}\n",
        [TWO[1]],
        ["1 caption that ends before it begins left out"],
    ),
    "a text that is none": (
        ".srt",
        f"1\n{ONE.partition(chr(10))[0]}\n<i></i>\n\n2\n{OTHER}\n",
        [TWO[1]],
        ["1 caption without a text left out"],
    ),
    "times that are none": (
        ".srt",
        f"1\n00:0A:01 --> x\nhello\n\n2\n00:00:01;00 --> 00:00:02;00\nx\n\n3\n{OTHER}\n",
        [TWO[1]],
        ["1 time line cannot be read", "6 lines before the first caption left out"],
    ),
    "tags": (".srt", cue("{\\an8}<font color=red>hel</font>lo"), HELLO, []),
    "a smaller sign": (
        ".srt",
        f"1\n{ONE.replace('hello', 'a <3 b &amp; 1<2>0')}\n",
        [TimedCaption(1_000, 2_000, "a <3 b & 1<2>0")],
        [],
    ),
    "text in two directions": (
        ".srt",
        cue("\u202bשלום\u202c"),
        [TimedCaption(1_000, 2_000, "\u202bשלום\u202c")],
        [],
    ),
    "WebVTT": (".vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\nhello\n\n2\n00:03.000 --> 00:04.000 line:0\nyou\n", TWO, []),
    "WebVTT with its header in lower case": (".vtt", "webvtt\n\n00:01.000 --> 00:02.000\nhello\n", HELLO, []),
    "WebVTT without a blank line": (".vtt", "WEBVTT\n00:01.000 --> 00:02.000\nhello\n", HELLO, []),
    "WebVTT with an arrow in an identifier": (
        ".vtt",
        "WEBVTT\n\nid with -- > in\n00:01.000 --> 00:02.000\nhello\n",
        HELLO,
        [],
    ),
    "WebVTT with regions, styles and notes": (
        ".vtt",
        "WEBVTT Kind: captions\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:900000\n\nREGION\nid:fred\nwidth:40%\n\n"
        "STYLE\n::cue{}\n\nNOTE a\nb\n\nc1\n00:01.000 --> 00:02.000\nhello\n\nNOTE more\n\n"
        "00:03.000 --> 00:04.000\nyou\n",
        TWO,
        [],
    ),
    "WebVTT with times and rubies": (".vtt", TAGS, [TimedCaption(1_000, 2_000, "hello x 漢kan hi")], []),
    "SubRip named WebVTT": (".vtt", f"1\n{ONE}\n\n2\n{OTHER}\n", TWO, []),
    "WebVTT named SubRip": (".srt", "WEBVTT\n\nNOTE x\n\n00:01.000 --> 00:02.000\nhello\n", HELLO, []),
    "ASS": (".ass", ASS, TWO, []),
    "SSA": (".ssa", ASS.replace("v4.00+", "v4.00").replace("V4+", "V4"), TWO, []),
    "TTML": (".ttml", TTML, TWO, []),
    **{
        f"TTML, {kind}": (".ttml", f'<tt xmlns="http://www.w3.org/ns/ttml" xml:lang="en">{body}</tt>', captions, notes)
        for kind, (body, captions, notes) in TIMED_BODIES.items()
    },
    "SAMI": (".smi", SAMI, TWO, []),
    "MicroDVD with its rate": (".sub", "{1}{1}25\n{25}{50}hello\n{75}{100}you\n", TWO, []),
    "SubRip named MicroDVD": (".sub", f"1\n{ONE}\n", HELLO, []),
    "SCC": (".scc", SCC, [TimedCaption(1_301, 3_003, "Hello")], []),
}


@pytest.mark.parametrize("kind", FILES)
def test_captions_are_read_or_counted(kind: str) -> None:
    extension, text, captions, notes = FILES[kind]
    assert read_captions(text.encode(), extension) == CaptionsRead(captions, notes)


def test_names_and_entities_are_no_text() -> None:
    text = "WEBVTT\n\n01:01.000 --> 01:02.000 align:start\n<v Ada>Fish &amp; chips &lt;3\n"
    assert read_captions(text.encode(), ".vtt").captions == [TimedCaption(61_000, 62_000, "Fish & chips <3")]


REFUSED: dict[str, tuple[str, bytes, str]] = {
    "empty": (".srt", b"", "has no caption with a text and times"),
    "a text": (".srt", b"no captions at all", "has no caption with a text and times"),
    "a text named WebVTT": (".vtt", b"no captions at all", "has no caption with a text and times"),
    "no cue": (".vtt", b"WEBVTT\n\n", "has no caption with a text and times"),
    "backwards": (".srt", b"1\n00:00:02,000 --> 00:00:01,000\nx\n", "has no caption with a text and times"),
    "years late": (".srt", b"1\n9999999:00:00,000 --> 9999999:00:01,000\nlate\n", "has no caption with"),
    "zeros": (".srt", b"\0" * 2_000, "has no caption with a text and times"),
    "too large": (".srt", b"x" * (MAX_CAPTION_FILE_BYTES + 1), "has more than 8,388,608 bytes"),
    "too many": (".srt", b"1\n00:00:01,000 --> 00:00:02,000\nx\n\n" * 20_001, "has 20,001 captions"),
    "VobSub": (".sub", b"\0\0\1\xba\x44" + b"\0" * 100, "holds captions as pictures (VobSub), which are not read"),
    "MicroDVD without a rate": (".sub", b"{25}{50}hello\n", "counts frames, and neither it nor the clip"),
    "no timed text": (".ttml", b"<html/>", 'is no timed text: it begins with "html"'),
    "a bomb": (".ttml", b'<!DOCTYPE a [<!ENTITY b "c">]><tt/>', "declares entities, which can expand"),
    "another STL": (".stl", b"//Font select\n00:00:01:00 , 00:00:02:00 , hello\n", "is no EBU STL file"),
    "no SCC": (".scc", b"nothing", "has no caption with a text and times"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_holds_no_captions_says_why(kind: str) -> None:
    extension, content, reason = REFUSED[kind]
    with pytest.raises(UnreadableError) as refused:
        read_captions(content, extension)
    assert str(refused.value).startswith(reason)


def test_frames_are_counted_at_the_rate_of_the_clip() -> None:
    assert read_captions(b"{25}{50}hello\n", ".sub", Fraction(25)).captions == HELLO


@pytest.mark.timeout(20)
@pytest.mark.parametrize("filling", [b"<a", b"\n", b"00:00:01,000 --> ", b"1", b"&amp", b"<v ", b"-", b">", b"{\\"])
def test_a_hostile_file_costs_no_more_than_seconds(filling: bytes) -> None:
    content = b"1\n00:00:01,000 --> 00:00:02,000\nx" + filling * (2_000_000 // len(filling))
    with suppress(UnreadableError):
        assert all(len(each.text) <= 10_000 for each in read_captions(content, ".srt").captions)


def test_no_text_holds_what_a_database_refuses() -> None:
    assert "\0" not in decode_text(b"a\0b")


def test_every_format_and_codec_is_read_in_the_sandbox(tmp_path: Path) -> None:
    contents = {f"{number}{FILES[kind][0]}": FILES[kind][1].encode() for number, kind in enumerate(FILES)}
    for encoding, said in TEXTS.items():
        contents[f"{encoding}.srt"] = f"1\n{ONE.replace('hello', said)}\n".encode(encoding)
    items = []
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        items.append(ReadItem(name, [source(tmp_path / name)], {"extension": f".{name.rpartition('.')[2]}"}))
    with ConfinedChild("media.captions.program", ResourceLimits()) as child:
        outcomes = {one.item.key: (one.end, one.reason) for one in SandboxReader(child).read(items)}
    assert outcomes == dict.fromkeys(contents, (ReadEnd.READ, ""))


def test_frames_behind_a_colon_are_of_the_rate_of_the_clip() -> None:
    (found,) = read_captions(b"1\n00:00:01:12 --> 00:00:02:24\nhello\n", ".srt", Fraction(25)).captions
    assert (found.start_ms, found.end_ms) == (1_480, 2_960)


def test_languages_of_sami_are_lines_of_their_own() -> None:
    content = (
        b"<SAMI><BODY><SYNC Start=1000><P Class=ENCC>hi<P Class=FRCC>salut<SYNC Start=2000><P>&nbsp;</BODY></SAMI>"
    )
    (found,) = read_captions(content, ".smi").captions
    assert (found.start_ms, found.end_ms, found.text) == (1_000, 2_000, "hi\nsalut")
