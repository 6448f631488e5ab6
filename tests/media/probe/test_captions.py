"""Caption files of every encoding and temper."""

from contextlib import suppress

import pytest

from media.probe.captions import MAX_CAPTION_FILE_BYTES, CaptionsError, TimedCaption, decode_text, read_captions

SRT = "1\n00:00:01,000 --> 00:00:02,500\nGrüße <i>von</i>\nhier\n\n2\n00:00:03,000 --> 00:00:04,000\nEnde\n"
READ = [TimedCaption(1_000, 2_500, "Grüße von\nhier"), TimedCaption(3_000, 4_000, "Ende")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "latin-1"])
def test_an_encoding_is_found_out(encoding: str) -> None:
    assert read_captions(SRT.encode(encoding), "srt") == READ
    assert read_captions(SRT.replace("\n", "\r\n").encode(encoding), "srt") == READ


def test_webvtt_is_read_without_its_notes_styles_tags_and_names() -> None:
    text = (
        "WEBVTT - titled\n\nSTYLE\n::cue { color: red }\n\nNOTE nobody sees this\n\nintro\n"
        "01:01.000 --> 01:02.000 align:start\n<v Ada>Fish &amp; chips &lt;3\n\n"
        "00:00:00.500 --> 00:00:01.000\nfirst\n"
    )
    assert read_captions(text.encode(), "vtt") == [
        TimedCaption(500, 1_000, "first"),
        TimedCaption(61_000, 62_000, "Fish & chips <3"),
    ]


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "srt"),
        (b"no captions at all", "srt"),
        (b"no captions at all", "vtt"),
        (b"WEBVTT\n\n", "vtt"),
        (b"1\n00:00:02,000 --> 00:00:01,000\nbackwards\n", "srt"),
        (b"1\n9999999:00:00,000 --> 9999999:00:01,000\nlate\n", "srt"),
        (b"\0" * 2_000, "srt"),
        (b"\xff\xfe\x00", "vtt"),
        (b"x" * (MAX_CAPTION_FILE_BYTES + 1), "srt"),
        (b"1\n00:00:01,000 --> 00:00:02,000\nx\n\n" * 20_001, "srt"),
    ],
)
def test_what_holds_no_captions_is_refused(content: bytes, kind: str) -> None:
    with pytest.raises(CaptionsError):
        read_captions(content, kind)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("filling", [b"<a", b"\n", b"00:00:01,000 --> ", b"1", b"&amp", b"<v "])
def test_a_hostile_file_costs_no_more_than_seconds(filling: bytes) -> None:
    content = b"1\n00:00:01,000 --> 00:00:02,000\nx" + filling * (2_000_000 // len(filling))
    with suppress(CaptionsError):
        assert all(len(each.text) <= 10_000 for each in read_captions(content, "srt"))


def test_no_text_holds_what_a_database_refuses() -> None:
    assert "\0" not in decode_text(b"a\0b")
