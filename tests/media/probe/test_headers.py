"""Probed headers equal what was written, for every container; and broken files are reported."""

import io
import os
import struct
import zlib
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from media.demo.encoding import encode_sound, make_tone
from media.probe.frame_headers import decode_smpte_timecode, read_frame_header
from media.sandbox.batch_reader import ReadEnd, ReadItem, ReadOutcome, SandboxReader
from media.sandbox.safe_open import SourceFile
from media.sandbox.seccomp import ResourceLimits
from media.sandbox.supervisor import ConfinedChild
from tests.media.sound.test_waveform import two_channels_named_in_another_order

LIMITS = ResourceLimits(wall_seconds=30, cpu_seconds=10, memory_bytes=512 << 20)


@pytest.fixture(scope="module")
def reader() -> Iterator[SandboxReader]:
    """One child for all: what a file does to it is part of what is tested."""
    with ConfinedChild("media.probe.headers", LIMITS) as child:
        yield SandboxReader(child)


def read(reader: SandboxReader, path: Path) -> ReadOutcome:
    status = path.stat()
    source = SourceFile(os.fsencode(path.parent), os.fsencode(path.name), status.st_size, status.st_mtime_ns)
    return reader.read([ReadItem(1, [source], {"names": [path.name]})])[0]


def facts_of(reader: SandboxReader, path: Path) -> dict[str, Any]:
    outcome = read(reader, path)
    assert outcome.end is ReadEnd.READ, outcome
    return outcome.result["files"][0]


def write_clip(
    path: Path,
    codec: str,
    pixels: str,
    rate: Fraction = Fraction(24),
    sound: str | None = None,
    layout: str = "stereo",
    **metadata: str,
) -> Path:
    """Twelve grey pictures, with half a second of silence."""
    with av.open(str(path), "w") as container:
        container.metadata.update(metadata)
        video = container.add_stream(codec, rate=rate)
        video.width, video.height, video.pix_fmt = 64, 48, pixels
        video.codec_context.color_primaries = video.codec_context.color_trc = video.codec_context.colorspace = 1
        audio = container.add_stream(sound, rate=48_000, layout=layout) if sound else None
        if audio is not None:
            audio.metadata["language"] = "ger"
        for number in range(12):
            picture = av.VideoFrame(64, 48, pixels)
            for plane in picture.planes:
                plane.update(b"\x80" * plane.buffer_size)
            picture.pts, picture.time_base = number, 1 / rate
            container.mux(video.encode(picture))
        container.mux(video.encode(None))
        if audio is not None:
            silence = av.AudioFrame(format="s16", layout=layout, samples=24_000)
            silence.planes[0].update(bytes(silence.planes[0].buffer_size))
            silence.sample_rate, silence.pts, silence.time_base = 48_000, 0, Fraction(1, 48_000)
            container.mux(audio.encode(silence))
            container.mux(audio.encode(None))
    return path


@pytest.mark.parametrize(
    ("name", "codec", "pixels", "rate", "sound", "shown"),
    [
        ("a.mp4", "libx264", "yuv420p", Fraction(24), "aac", ("mp4", "h264", "24/1", "aac")),
        (
            "a.mov",
            "prores_ks",
            "yuv422p10le",
            Fraction(30000, 1001),
            "pcm_s16le",
            ("mov", "prores", "30000/1001", "pcm_s16le"),
        ),
        ("a.mkv", "libx265", "yuv420p10le", Fraction(25), "flac", ("matroska", "hevc", "25/1", "flac")),
        ("a.webm", "libvpx-vp9", "yuv420p", Fraction(30), "libopus", ("webm", "vp9", "30/1", "opus")),
        ("a.mxf", "mpeg2video", "yuv422p", Fraction(25), "pcm_s16le", ("mxf", "mpeg2video", "25/1", "pcm_s16le")),
        ("a.avi", "mjpeg", "yuvj420p", Fraction(24), "pcm_s16le", ("avi", "mjpeg", "24/1", "pcm_s16le")),
        ("a.ts", "mpeg2video", "yuv420p", Fraction(25), "mp2", ("mpegts", "mpeg2video", "25/1", "mp2")),
    ],
)
def test_a_clip_says_its_container_codecs_rate_and_sound(
    reader: SandboxReader, tmp_path: Path, name: str, codec: str, pixels: str, rate: Fraction, sound: str, shown: tuple
) -> None:
    facts = facts_of(reader, write_clip(tmp_path / name, codec, pixels, rate, sound))
    picture, heard = (next(one for one in facts["streams"] if one["type"] == kind) for kind in ("VIDEO", "AUDIO"))
    assert (facts["container"], picture["codec"], picture["frame_rate"], heard["codec"]) == shown
    assert (picture["width"], picture["height"], picture["pixel_format"]) == (64, 48, pixels)
    assert (heard["channels"], heard["channel_layout"], heard["sample_rate"]) == (2, "stereo", 48_000)
    assert abs(facts["duration_milliseconds"] - 500) < 60


def test_colour_language_timecode_and_tags_are_told(reader: SandboxReader, tmp_path: Path) -> None:
    path = write_clip(
        tmp_path / "a.mov", "prores_ks", "yuv422p10le", sound="pcm_s24le", timecode="01:02:03:04", title="Reel 7"
    )
    facts = facts_of(reader, path)
    picture, heard = facts["streams"][:2]
    assert facts["timecode_start"] == "01:02:03:04"
    assert facts["tags"]["title"] == "Reel 7"
    assert heard["language"] == "ger"
    assert {"primaries": "bt709", "transfer": "bt709", "matrix": "bt709"}.items() <= picture["color"].items()
    assert (picture["bits_per_component"], picture["scan"]) == (10, "progressive")


def test_a_sound_says_its_channels(reader: SandboxReader, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(encode_sound(make_tone(440, 0.5)))
    facts = facts_of(reader, path)
    assert (facts["container"], facts["duration_milliseconds"]) == ("wav", 500)
    assert facts["streams"][0]["channel_layout"] == "mono"


def still(codec: str, pixels: str) -> bytes:
    picture = av.VideoFrame(64, 48, pixels)
    for plane in picture.planes:
        plane.update(bytes(plane.buffer_size))
    context = av.CodecContext.create(codec, "w")
    context.width, context.height, context.pix_fmt, context.time_base = 64, 48, pixels, Fraction(1, 25)
    return b"".join(bytes(packet) for packet in [*context.encode(picture), *context.encode(None)])


@pytest.mark.parametrize(
    ("name", "codec", "pixels"),
    [
        ("a.png", "png", "rgb48be"),
        ("a.tif", "tiff", "rgb24"),
        ("a.dpx", "dpx", "gbrp10be"),
        ("a.exr", "exr", "gbrpf32le"),
        ("a.jpg", "mjpeg", "yuvj420p"),
        ("a.bmp", "bmp", "bgr24"),
        ("a.jp2", "jpeg2000", "rgb24"),
    ],
)
def test_a_still_says_its_size_and_has_no_time(
    reader: SandboxReader, tmp_path: Path, name: str, codec: str, pixels: str
) -> None:
    path = tmp_path / name
    path.write_bytes(still(codec, pixels))
    facts = facts_of(reader, path)
    (picture,) = facts["streams"]
    assert (picture["type"], picture["width"], picture["height"]) == ("IMAGE", 64, 48)
    assert not {"duration_milliseconds", "frame_rate"} & {*facts, *picture}


def exr_head(**attributes: tuple[str, bytes]) -> bytes:
    head = b"\x76\x2f\x31\x01" + struct.pack("<I", 2)
    for name, (kind, value) in attributes.items():
        head += name.encode() + b"\0" + kind.encode() + b"\0" + struct.pack("<I", len(value)) + value
    return head + b"\0"


def test_a_film_frame_says_its_timecode_reel_rate_and_channels() -> None:
    channels = b"".join(name + b"\0" + bytes(16) for name in (b"A", b"B", b"G", b"R")) + b"\0"
    head = exr_head(
        channels=("chlist", channels),
        compression=("compression", b"\x04"),
        timeCode=("timecode", struct.pack("<II", 0x10203004, 0)),
        framesPerSecond=("rational", struct.pack("<iI", 24000, 1001)),
        reelName=("string", b"A003C012"),
    )
    assert read_frame_header(head) == {
        "channel_names": ["A", "B", "G", "R"],
        "compression": "piz",
        "timecode_start": "10:20:30:04",
        "file_frame_rate": "24000/1001",
        "reel": "A003C012",
    }


def test_texts_of_a_film_frame_are_kept_without_what_no_database_takes(reader: SandboxReader, tmp_path: Path) -> None:
    path, frame = tmp_path / "a.exr", still("exr", "gbrpf32le")
    end = frame.index(b"screenWindowCenter\0")
    views = struct.pack("<I4sI5s", 4, b"le\0t", 5, b"right")
    added = exr_head(owner=("string", b"Ada\0 Lovelace"), multiView=("stringvector", views))[8:-1]
    path.write_bytes(frame[:end] + added + frame[end:])
    assert {"owner": "Ada  Lovelace", "views": ["le t", "right"]}.items() <= facts_of(reader, path).items()


def test_a_dpx_frame_says_its_timecode_and_rate() -> None:
    head = bytearray(b"\xff" * 2048)
    head[:4], head[1556:1562], head[801] = b"SDPX", b"ALEXA\0", 3
    struct.pack_into(">I", head, 1920, 0x01020344)
    struct.pack_into(">f", head, 1940, 25.0)
    said = read_frame_header(bytes(head))
    assert said == {
        "input_device": "ALEXA",
        "file_transfer": "logarithmic",
        "timecode_start": "01:02:03;04",
        "file_frame_rate": "25/1",
    }


def test_a_timecode_of_wrong_digits_is_none() -> None:
    assert decode_smpte_timecode(0x0A000000) is None


def test_a_film_header_that_breaks_off_gives_what_was_there() -> None:
    head = exr_head(reelName=("string", b"A003"), timeCode=("timecode", struct.pack("<II", 0, 0)))
    reel, timecode = head.index(b"A003") + len(b"A003"), head.index(b"timecode\0") + len(b"timecode\0") + 4 + 8
    for length in range(len(head) + 1):
        said = {"reel": "A003"} if length >= reel else {}
        said |= {"timecode_start": "00:00:00:00"} if length >= timecode else {}
        assert (length, read_frame_header(head[:length])) == (length, said)


@pytest.mark.parametrize("length", [0, 3, 8, 20, 64, 200])
def test_a_header_of_a_scanned_frame_that_breaks_off_says_nothing(length: int) -> None:
    assert read_frame_header(b"SDPX" + bytes(length)) == {}


def png_head(width: int, height: int) -> bytes:
    """A PNG that promises a picture of this size, and holds next to nothing."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    ihdr = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", ihdr) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


def truncated() -> bytes:
    target = io.BytesIO()
    with av.open(target, "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=24)
        stream.width, stream.height = 64, 48
        container.mux(stream.encode(av.VideoFrame(64, 48, "yuv420p")))
        container.mux(stream.encode(None))
    content = target.getvalue()
    return content[: content.index(b"moov")]


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("truncated.mp4", truncated),
        ("zeros.mov", lambda: bytes(100_000)),
        ("text.mov", lambda: b"Notes from the client, version 7\n" * 100),
        ("empty moov.mp4", lambda: struct.pack(">I4s", 8, b"moov")),
        ("list.m3u8", lambda: b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n#EXT-X-ENDLIST\n"),
        ("list.mov", lambda: b"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n"),
        ("list.mp4", lambda: b"ffconcat version 1.0\nfile /etc/passwd\n"),
        ("script.svg", lambda: b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'),
    ],
)
def test_what_is_no_media_says_so_and_harms_nobody(
    reader: SandboxReader, tmp_path: Path, name: str, make: Callable[[], bytes]
) -> None:
    path = tmp_path / name
    path.write_bytes(make())
    outcome = read(reader, path)
    assert outcome.end is ReadEnd.UNREADABLE, outcome
    assert outcome.reason.startswith((f"{name}: holds n", f"{name}: is of a kind that is never opened"))


@pytest.mark.parametrize("size", [(65_535, 65_535), (30_000, 30_000)])
def test_a_header_of_a_picture_that_no_memory_holds_is_no_crash(
    reader: SandboxReader, tmp_path: Path, size: tuple[int, int]
) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png_head(*size))
    outcome = read(reader, path)
    assert outcome.end in (ReadEnd.READ, ReadEnd.UNREADABLE, ReadEnd.LIMIT), outcome


def test_a_file_of_another_kind_than_its_name_is_read_as_what_it_is(reader: SandboxReader, tmp_path: Path) -> None:
    path = tmp_path / "a.mxf"
    path.write_bytes(encode_sound(make_tone(440, 0.5)))
    assert facts_of(reader, path)["container"] == "wav"


def test_every_kind_of_stream_is_read_by_one_child(reader: SandboxReader, tmp_path: Path) -> None:
    """PyAV loads its parts when a file first needs them; a confined child has to have all of them."""
    path = tmp_path / "a.mkv"
    captions = b"1\n00:00:00,000 --> 00:00:01,000\nWas that a bus?\n"
    with av.open(io.BytesIO(captions), format="srt") as text, av.open(str(path), "w") as container:
        stream = container.add_stream_from_template(text.streams[0])
        for packet in text.demux():
            if packet.dts is not None:
                packet.stream = stream
                container.mux(packet)
    assert [one["type"] for one in facts_of(reader, path)["streams"]] == ["TEXT"]


def test_a_tag_that_is_no_utf_8_is_read_in_the_sandbox(reader: SandboxReader, tmp_path: Path) -> None:
    """Codecs are Python modules, which a confined process cannot load."""
    path = write_clip(tmp_path / "a.avi", "mjpeg", "yuvj420p", title="GrXXe")
    path.write_bytes(path.read_bytes().replace(b"GrXXe", b"Gr\xfc\xdfe"))
    assert facts_of(reader, path)["tags"]["title"] == "Grüße"


def test_channels_in_an_order_of_their_own_are_described(reader: SandboxReader, tmp_path: Path) -> None:
    path = tmp_path / "a.mov"
    path.write_bytes(two_channels_named_in_another_order())
    for _ in range(3):
        heard = facts_of(reader, path)["streams"][0]
        assert (heard["channels"], heard["channel_layout"]) == (2, "2 channels (FR+FL)")


def test_a_film_frame_larger_than_the_memory_of_a_reader_says_its_size(reader: SandboxReader, tmp_path: Path) -> None:
    """FFmpeg reads a frame as a whole."""
    path = tmp_path / "a.exr"
    window = struct.pack("<4i", 0, 0, 32_767, 17_279)
    path.write_bytes(exr_head(dataWindow=("box2i", window), displayWindow=("box2i", window)))
    os.truncate(path, 1 << 30)
    (picture,) = facts_of(reader, path)["streams"]
    assert (picture["codec"], picture["width"], picture["height"]) == ("exr", 32_768, 17_280)
