"""A strip shows distinct moments of a clip, or fewer of them: where keyframes are rare, and where clocks jump.

Times are those with which the clips are made; the numbers of pictures are those that `ffprobe -count_frames` says.
"""

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import pytest

from media.pictures import moments
from media.pictures.decoding import prepare_decoder
from media.sandbox.batch_reader import SandboxReader
from media.sandbox.seccomp import ResourceLimits
from media.sandbox.supervisor import ConfinedChild
from tests.media.pictures.test_previews import made_of, pictures
from tests.media.renditions.test_nothing_lost import clip, joined, joined_again
from tests.media.renditions.test_threads import Stream


@pytest.fixture(scope="module")
def reader() -> Iterator[SandboxReader]:
    limits = ResourceLimits(wall_seconds=60, cpu_seconds=60, memory_bytes=768 << 20)
    with ConfinedChild("media.pictures.previews", limits) as child:
        yield SandboxReader(child)


def rare_keys(path: Path, seconds: int, interval: int, rate: int = 8) -> Path:
    """A clip with a keyframe after every `interval` seconds only."""
    with av.open(str(path), "w") as container:
        options = {"g": str(interval * rate), "sc_threshold": "0", "preset": "ultrafast"}
        stream = container.add_stream("libx264", rate=rate, options=options)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for number in range(seconds * rate):
            frame = av.VideoFrame(64, 64, "yuv420p")
            for plane in frame.planes:
                plane.update(bytes([(number * 3) % 200 + 20]) * plane.buffer_size)
            frame.pts, frame.time_base = number, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


CLIPS: dict[str, tuple[Callable[[Path], Path], int, int]] = {
    # kind: file, number of moments, time of the last one
    "one keyframe in 20 s": (lambda folder: rare_keys(folder / "a.mp4", 20, 20), 60, 19_750),
    "a keyframe every 10 s of a transport stream": (lambda folder: rare_keys(folder / "a.ts", 20, 10), 60, 19_750),
    "joined transport streams": (joined, 16, 3_840),
    "a transport stream that begins again": (joined_again, 16, 3_840),
    "a raw stream": (lambda folder: clip(folder / "a.h264", 50), 8, 1_840),
    "a live recording": (lambda folder: clip(folder / "a.mkv", 50, live="1"), 8, 1_840),
    "a picture every four seconds": (lambda folder: clip(folder / "a.mkv", 4, steps=(100,)), 3, 8_000),
    "one picture": (lambda folder: clip(folder / "a.mp4", 1), 1, 0),
}


@pytest.mark.parametrize("kind", CLIPS)
def test_moments_of_a_strip_are_distinct(reader: SandboxReader, tmp_path: Path, kind: str) -> None:
    make, count, last = CLIPS[kind]
    path = make(tmp_path)
    made = pictures(made_of(reader, path, path.read_bytes()))
    times = made["KEYFRAME_MAP"]["details"]["times_milliseconds"] if "KEYFRAME_MAP" in made else [0]
    assert times == sorted(set(times))
    assert (len(times), times[-1]) == (count, pytest.approx(last, abs=130))
    poster = made["POSTER"]["details"]["time_milliseconds"]
    assert poster in times
    assert poster == next((one for one in times if one >= (last + 200) / 3), times[0]) or len(times) < 4


def seek(path: Path, times: Sequence[int], allowance: int) -> list[int]:
    """Times of the pictures that seeking finds in a clip."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        prepare_decoder(stream)
        return [at for at, _ in moments._seek_moments(container, stream, times, allowance)]


@pytest.mark.parametrize("form", ["mp4", "mkv", "mov"])
def test_decoding_goes_on_where_there_is_no_nearer_keyframe(tmp_path: Path, form: str) -> None:
    """Seeking again would decode the same pictures again, and show the same one for every later time."""
    path = rare_keys(tmp_path / f"a.{form}", 20, 20)
    assert seek(path, [1_000, 2_000, 3_000], 60) == [1_000, 2_000, 3_000]
    assert seek(path, [5_000, 10_000, 15_000], 8) == [875, 1_875, 2_875]


def test_a_seek_that_lands_late_is_not_repeated(tmp_path: Path) -> None:
    """In a transport stream, which has no index, the next keyframe is found instead of the one before."""
    found = seek(rare_keys(tmp_path / "a.ts", 30, 10), list(range(500, 30_000, 500)), 60)
    assert found == sorted(set(found))
    assert len(found) >= 2


@pytest.mark.parametrize(
    ("size", "pixels", "skipped"),
    [
        ((3840, 2160), "yuv420p10le", "DEFAULT"),
        ((7680, 4320), "yuv420p", "DEFAULT"),
        ((7680, 4320), "yuv420p10le", "NONKEY"),
    ],
)
def test_only_keyframes_are_shown_of_pictures_that_take_much_memory(
    size: tuple[int, int], pixels: str, skipped: str
) -> None:
    codec = av.CodecContext.create("hevc", "r")
    assert isinstance(codec, av.VideoCodecContext)
    codec.width, codec.height, codec.pix_fmt = *size, pixels
    prepare_decoder(Stream(codec))  # type: ignore[arg-type]
    assert codec.skip_frame == skipped
