"""New files are recorded when they are stable, exactly once, for any name."""

import os
import socket
from pathlib import Path

import pytest

from models.catalog.file import FileStatus
from tests.files import drop, write
from tests.pipeline import Pipeline
from tests.waiting import wait_until


def test_a_new_file_becomes_an_asset(pipeline: Pipeline, root: Path) -> None:
    write(root, "boom_in_shot.mp4")
    pipeline.settle()
    assert pipeline.titles() == ["boom_in_shot"]
    assert pipeline.file("boom_in_shot.mp4").status is FileStatus.CLOSED


def test_a_rename_into_place_is_noticed_by_its_event_alone(pipeline: Pipeline, root: Path, tmp_path: Path) -> None:
    pipeline.change_settings(scan_interval_seconds=3600)
    pipeline.settle()
    walked = pipeline.storage().last_scanned
    drop(tmp_path, root, "day1/boom_in_shot.mp4")
    pipeline.wait_for(lambda: pipeline.titles() == ["boom_in_shot"], what="the file is an asset")
    assert pipeline.storage().last_scanned == walked


def test_a_growing_file_is_visible_and_grouped_only_when_it_stands_still(pipeline: Pipeline, root: Path) -> None:
    pipeline.settle()
    path = root / "capture.mov"
    with open(path, "wb", buffering=0) as capture:

        def grows() -> bool:
            capture.write(b"one more second of tape")
            pipeline.step()
            return pipeline.status_of("capture.mov") is FileStatus.GROWING

        wait_until(grows, what="the file shows as growing")
        assert pipeline.titles() == []
    pipeline.settle()
    assert pipeline.titles() == ["capture"]
    row = pipeline.file("capture.mov")
    assert (row.status, row.size) == (FileStatus.CLOSED, path.stat().st_size)


def test_a_file_that_vanishes_before_it_is_stable_leaves_no_asset_and_nothing_missing(
    pipeline: Pipeline, root: Path
) -> None:
    pipeline.settle()
    path = root / "gone.mov"
    write(root, "gone.mov")
    pipeline.watcher.step()
    path.unlink()
    pipeline.settle()
    assert pipeline.titles() == []
    assert pipeline.status().missing == 0


def test_a_file_that_vanishes_while_it_grows_is_not_told_as_missing(pipeline: Pipeline, root: Path) -> None:
    pipeline.settle()
    path = root / "rsync.mov"
    with open(path, "wb", buffering=0) as transfer:

        def grows() -> bool:
            transfer.write(b"a block")
            pipeline.step()
            return pipeline.status_of("rsync.mov") is FileStatus.GROWING

        wait_until(grows, what="the file shows as growing")
    path.unlink()
    pipeline.settle()
    status = pipeline.status()
    assert (status.missing, status.files, status.assets) == (0, 0, 0)


def test_a_file_renamed_while_it_grew_leaves_one_row(pipeline: Pipeline, root: Path) -> None:
    pipeline.settle()
    with open(root / "upload.123.mov", "wb", buffering=0) as transfer:

        def grows() -> bool:
            transfer.write(b"a block")
            pipeline.step()
            return pipeline.status_of("upload.123.mov") is FileStatus.GROWING

        wait_until(grows, what="the file shows as growing")
        transfer.write(b"the last block")
    (root / "upload.123.mov").rename(root / "take.mov")
    pipeline.settle()
    status = pipeline.status()
    assert (status.missing, status.files, pipeline.titles()) == (0, 1, ["take"])


def test_zero_bytes_wait_for_content_and_say_so(pipeline: Pipeline, root: Path) -> None:
    write(root, "placeholder.mov", content="")
    pipeline.settle()
    assert pipeline.titles() == []
    assert pipeline.file("placeholder.mov").status is FileStatus.OPEN
    assert pipeline.status().empty == 1
    assert "empty" in pipeline.explain("placeholder.mov")
    write(root, "placeholder.mov", content="now it has some")
    pipeline.settle()
    assert pipeline.titles() == ["placeholder"]
    assert pipeline.status().empty == 0


def test_a_file_emptied_after_its_publication_stays_and_its_file_set_says_so(pipeline: Pipeline, root: Path) -> None:
    write(root, "take.mov")
    pipeline.settle()
    before = pipeline.ids()
    write(root, "take.mov", content="")
    pipeline.settle()
    assert pipeline.ids() == before
    assert pipeline.notes() == ["take.mov was emptied"]
    write(root, "take.mov", content="written anew, and longer")
    pipeline.settle()
    assert pipeline.ids() == before
    assert pipeline.notes() == [""]


def test_a_published_file_that_grows_again_stays_and_its_file_set_says_so(pipeline: Pipeline, root: Path) -> None:
    write(root, "take.mov")
    pipeline.settle()
    before = pipeline.ids()
    with open(root / "take.mov", "ab", buffering=0) as take:

        def grows_again() -> bool:
            take.write(b"some more")
            pipeline.step()
            return pipeline.notes() == ["take.mov grows again"]

        wait_until(grows_again, what="the file set says that its file grows again")
    assert pipeline.titles() == ["take"]
    pipeline.settle()
    assert pipeline.ids() == before
    assert pipeline.notes() == [""]
    assert pipeline.show("take")["formats"][0]["file_sets"][0]["size_bytes"] == (root / "take.mov").stat().st_size


def test_a_frame_that_grows_again_is_told_by_its_sequence(pipeline: Pipeline, root: Path) -> None:
    write(root, *(f"plate.{number}.exr" for number in range(1001, 1011)))
    pipeline.settle()
    with open(root / "plate.1004.exr", "ab", buffering=0) as frame:

        def grows_again() -> bool:
            frame.write(b"some more")
            pipeline.step()
            return pipeline.notes() == ["plate.1004.exr grows again"]

        wait_until(grows_again, what="the file set says that a frame grows again")
    pipeline.settle()
    assert pipeline.notes() == [""]
    total = sum(path.stat().st_size for path in root.iterdir())
    assert pipeline.show("plate")["formats"][0]["file_sets"][0]["size_bytes"] == total


@pytest.mark.parametrize(
    ("name", "title"),
    [
        (b"caf\xe9.mov", r"caf\xe9"),
        (b"two\nlines.mov", r"two\x0alines"),
        (b"\xff\xfe.mov", r"\xff\xfe"),
        ("日本語のクリップ.mov".encode(), "日本語のクリップ"),
        (b"tab\tand 'quotes' and \\.mov", r"tab\x09and 'quotes' and " + "\\"),
        (b"x" * 251 + b".mov", "x" * 251),
    ],
)
def test_any_name_becomes_an_asset_with_a_text_for_people(
    pipeline: Pipeline, root: Path, name: bytes, title: str
) -> None:
    Path(os.fsdecode(bytes(root) + b"/" + name)).write_bytes(b"x")
    pipeline.settle()
    assert pipeline.titles() == [title]
    assert title in pipeline.explain(name)
    assert pipeline.broken() == []


def test_names_of_foreign_bytes_are_grouped_like_any_other(pipeline: Pipeline, root: Path) -> None:
    names = [b"caf\xe9.mov", b"caf\xe9.director\xff.en.srt", b"caf\xe9_h264.mp4", b"lonely\xe9.srt"]
    names += [b"pl\xe9te.%d.exr" % number for number in range(1001, 1004)]
    for name in names:
        Path(os.fsdecode(bytes(root) + b"/" + name)).write_bytes(b"x")
    pipeline.settle()
    assert pipeline.titles() == [r"caf\xe9", r"pl\xe9te"]
    assert r'waits for a video or sequence named "lonely\xe9"' in pipeline.explain(b"lonely\xe9.srt")
    Path(os.fsdecode(bytes(root) + b"/caf\xe9.mov")).write_bytes(b"written anew")
    pipeline.settle()
    assert pipeline.broken() == []


def test_composed_and_decomposed_twins_are_two_files(pipeline: Pipeline, root: Path) -> None:
    twins = ["caf\u00e9.mov", "cafe\u0301.mov"]
    for name in twins:
        (root / name).write_bytes(name.encode())
    pipeline.settle()
    assert sorted(pipeline.titles()) == sorted(name.removesuffix(".mov") for name in twins)
    assert pipeline.broken() == []


def test_a_hundred_levels_of_folders_are_followed(pipeline: Pipeline, root: Path) -> None:
    deep = "/".join(f"level{number:02}" for number in range(100))
    write(root, f"{deep}/deep.mov")
    pipeline.settle()
    assert pipeline.titles() == ["deep"]
    write(root, f"{deep}/later.mov")
    pipeline.settle()
    assert pipeline.titles() == ["deep", "later"]


def test_special_files_are_never_opened_and_say_what_they_are(pipeline: Pipeline, root: Path) -> None:
    write(root, "clip.mov")
    os.mkfifo(root / "pipe.mov")
    os.symlink("clip.mov", root / "link.mov")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(root / "s.mov"))
        pipeline.settle()
        assert pipeline.titles() == ["clip"]
        for name, word in (("pipe.mov", "FIFO"), ("link.mov", "symbolic link"), ("s.mov", "socket")):
            assert word in pipeline.explain(name)
    assert pipeline.broken() == []


def test_a_clip_that_becomes_a_link_is_gone(pipeline: Pipeline, root: Path, tmp_path: Path) -> None:
    write(root, "clip.mov")
    pipeline.settle()
    (root / "clip.mov").rename(tmp_path / "clip.mov")
    os.symlink(tmp_path / "clip.mov", root / "clip.mov")
    pipeline.settle()
    assert pipeline.status_of("clip.mov") is FileStatus.MISSING


def test_junk_is_ignored_and_says_by_which_pattern(pipeline: Pipeline, root: Path) -> None:
    write(root, "a.mov", ".DS_Store", "._a.mov", "b.mov.part", "@eaDir/c.mov", "~$notes.txt")
    pipeline.settle()
    assert pipeline.titles() == ["a"]
    assert pipeline.status().files == 1
    for name, pattern in ((".DS_Store", ".DS_Store"), ("b.mov.part", "*.part"), ("@eaDir/c.mov", "@eaDir")):
        assert f'"{pattern}"' in pipeline.explain(name)


def test_the_rename_of_a_finished_transfer_is_its_arrival(pipeline: Pipeline, root: Path) -> None:
    write(root, "reel.mov.part")
    pipeline.settle()
    assert pipeline.status().files == 0
    (root / "reel.mov.part").rename(root / "reel.mov")
    pipeline.settle()
    assert pipeline.titles() == ["reel"]


def test_files_written_while_a_walk_runs_are_found(pipeline: Pipeline, root: Path) -> None:
    for number in range(1_100):
        (root / f"d{number}").mkdir()
    write(root, "first.mov")
    watcher = pipeline.watch()
    watcher.scan_now()
    watcher.step()
    write(root, "d7/second.mov", "new/third.mov")
    pipeline.settle()
    assert pipeline.titles() == ["first", "second", "third"]
