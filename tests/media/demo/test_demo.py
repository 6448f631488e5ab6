"""The demo is real media, appears whole, and never touches what is there already."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import pytest
from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from media.demo.production import DemoFolderError, write_demo
from tests.media.demo.expected_demo import EXPECTED, FRAMES, IGNORED, MISSING_FRAME

PICTURE_FRAMES = 48
NOBODY = 65534
STREAMS = {
    "artwork/poster.png": ["png"],
    "interviews/editor_at_four_am_A1.wav": ["pcm_s16le"],
    "interviews/editor_at_four_am_A2.wav": ["pcm_s16le"],
    "interviews/editor_at_four_am_V1.mov": ["prores"],
    "interviews/fix_it_in_post.mp4": ["h264", "aac"],
    "masters/final_final_really_final.mov": ["prores", "pcm_s16le"],
    "masters/final_final_really_final_h264.mp4": ["h264", "aac"],
    "rushes/boom_in_shot.mp4": ["h264", "aac"],
    "rushes/sc07_kitchen_camA.mp4": ["h264", "aac"],
    "rushes/sc07_kitchen_camB.mp4": ["h264", "aac"],
    "rushes/the_good_take.mp4": ["h264", "aac"],
    "sound/room_tone.wav": ["pcm_s16le"],
    "stereo/goldfish_L.mov": ["mpeg4"],
    "stereo/goldfish_R.mov": ["mpeg4"],
    FRAMES[0]: ["exr"],
    FRAMES[-1]: ["exr"],
}
CLIPS = [name for name in STREAMS if name.endswith((".mov", ".mp4"))]


def files_below(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}


def fill_with_stand_ins(folder: Path, but: set[str] = frozenset()) -> None:
    """Takes every name of the demo with a file of another content, so that only `but` is missing."""
    grouped = {name for asset in EXPECTED for each in asset["formats"] for name in each["files"]}
    sidecars = {name for asset in EXPECTED for name in asset["sidecars"]}
    for name in grouped | sidecars | set(IGNORED):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if name not in but:
            (folder / name).write_text("somebody's own")


def test_the_demo_is_the_assets_of_the_table_and_nothing_else(demo):
    grouped = [name for asset in EXPECTED for each in asset["formats"] for name in each["files"]]
    sidecars = [name for asset in EXPECTED for name in asset["sidecars"]]
    names = [*grouped, *sidecars, *IGNORED]
    assert len(names) == len(set(names))
    assert files_below(demo) == set(names)


@pytest.mark.parametrize("name", STREAMS)
def test_a_media_file_opens_and_has_its_streams(demo, name):
    with av.open(str(demo / name)) as container:
        assert [stream.codec_context.name for stream in container.streams] == STREAMS[name]
        assert next(container.decode(container.streams[0])) is not None


@pytest.mark.parametrize("name", CLIPS)
def test_a_clip_shows_every_frame_and_sounds_as_long_as_it_shows(demo, name):
    with av.open(str(demo / name)) as container:
        assert sum(1 for _ in container.decode(video=0)) == PICTURE_FRAMES
        for stream in container.streams:
            assert float(stream.duration * stream.time_base) == pytest.approx(2, abs=0.05)


def test_every_frame_of_the_sequence_opens_but_the_missing_one_is_not_there(demo):
    assert not (demo / MISSING_FRAME).exists()
    assert len(FRAMES) == 47
    for name in FRAMES:
        with av.open(str(demo / name)) as container:
            assert next(container.decode(video=0)).width == 480


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("stereo/goldfish_L.mov", "stereo/goldfish_R.mov"),
        ("rushes/sc07_kitchen_camA.mp4", "rushes/sc07_kitchen_camB.mp4"),
        (FRAMES[0], FRAMES[1]),
    ],
)
def test_two_eyes_two_cameras_and_two_frames_show_different_pictures(demo, one, other):
    pictures = []
    for name in (one, other):
        with av.open(str(demo / name)) as container:
            pictures.append(bytes(next(container.decode(video=0)).planes[0]))
    assert pictures[0] != pictures[1]


def test_the_unfinished_transfer_is_no_readable_movie(demo):
    with pytest.raises(av.FFmpegError), av.open(str(demo / "incoming/the_missing_reel.mp4.part")):
        pass


def test_the_demo_stays_small(demo):
    assert sum((demo / name).stat().st_size for name in files_below(demo)) < 5_000_000


def test_a_second_run_writes_nothing_and_says_so(demo):
    before = {name: (demo / name).stat().st_mtime_ns for name in files_below(demo)}
    lines = []
    assert write_demo(demo, lines.append) == []
    assert {name: (demo / name).stat().st_mtime_ns for name in files_below(demo)} == before
    assert lines
    assert all(line.startswith("kept ") for line in lines)


def test_a_run_writes_what_is_missing_and_leaves_a_file_of_that_name_alone(tmp_path):
    missing = {FRAMES[3], "sound/room_tone.wav"}
    fill_with_stand_ins(tmp_path, but=missing)
    lines = []
    assert {path.relative_to(tmp_path).as_posix() for path in write_demo(tmp_path, lines.append)} == missing
    assert (tmp_path / "artwork/poster.png").read_text() == "somebody's own"
    assert [line.split(":")[0] for line in lines if not line.startswith("kept ")] == [
        f"added 1 of 47 {FRAMES[0]} …",
        "wrote sound/room_tone.wav",
    ]


def test_a_broken_link_of_that_name_is_left_alone(tmp_path):
    fill_with_stand_ins(tmp_path, but={"sound/room_tone.wav"})
    link = tmp_path / "sound/room_tone.wav"
    link.symlink_to(tmp_path / "nowhere")
    assert write_demo(tmp_path, lambda line: None) == []
    assert link.is_symlink()


class Arrivals(FileSystemEventHandler):
    """Keeps how each name came up, until the last one did."""

    def __init__(self, folder: Path, last: str) -> None:
        self.folder, self.last = folder, last
        self.created: set[str] = set()
        self.renamed: set[str] = set()
        self.is_complete = threading.Event()

    def on_created(self, event: FileSystemEvent) -> None:
        self.created.add(Path(event.src_path).relative_to(self.folder).as_posix())

    def on_moved(self, event: FileSystemEvent) -> None:
        self.renamed.add(Path(event.dest_path).relative_to(self.folder).as_posix())
        if self.last in self.renamed:
            self.is_complete.set()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems fold a create and a rename into one event")
def test_a_watcher_sees_each_file_arrive_whole_by_a_rename(tmp_path):
    missing = {"rushes/boom_in_shot.mp4", "sound/room_tone.wav", "rushes/.DS_Store"}
    fill_with_stand_ins(tmp_path, but=missing)
    arrivals = Arrivals(tmp_path, last="rushes/.DS_Store")
    observer = Observer()
    observer.schedule(arrivals, str(tmp_path), recursive=True)
    observer.start()
    try:
        write_demo(tmp_path, lambda line: None)
        assert arrivals.is_complete.wait(20)
    finally:
        observer.stop()
        observer.join()
    assert arrivals.renamed == missing
    assert all(name.endswith(".part") for name in arrivals.created)
    assert not [name for name in files_below(tmp_path) if Path(name).name.startswith(".") and ".part" in name]


def test_a_file_in_place_of_the_folder_is_refused_with_its_name(tmp_path):
    target = tmp_path / "notes.txt"
    target.write_text("mine")
    with pytest.raises(DemoFolderError, match=r'demo folder ".*notes\.txt": is a file; name a folder'):
        write_demo(target, lambda line: None)
    assert target.read_text() == "mine"


def test_a_file_in_place_of_an_inner_folder_is_refused_with_the_name_that_failed(tmp_path):
    (tmp_path / "rushes").write_text("mine")
    with pytest.raises(DemoFolderError, match=r'demo folder ".*": cannot write rushes/boom_in_shot\.mp4 \('):
        write_demo(tmp_path, lambda line: None)


@contextmanager
def as_nobody() -> Iterator[None]:
    """Drop root privileges if the tests run as root, because root can write everywhere."""
    was_root = os.geteuid() == 0
    if was_root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if was_root:
            os.seteuid(0)


def test_a_folder_without_write_permission_is_refused_with_the_next_step(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with as_nobody(), pytest.raises(DemoFolderError, match=r"\(Permission denied\); make it writable"):
            write_demo(tmp_path, lambda line: None)
    finally:
        tmp_path.chmod(0o700)
