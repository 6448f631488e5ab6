"""Files with the same name, size and coarse mtime are distinguished by a digest computed while they were present."""

import os
import shutil
import uuid
from pathlib import Path

from models.catalog.file import FileStatus
from tests.files import write
from tests.pipeline import Pipeline
from watch.disk.listing import FileEntry, stat_file
from watch.rows.content_digests import ContentDigests, digest_file_ends
from watch.rows.folder_cache import KnownFolder

SECOND = 1_700_000_000


def write_at(root: Path, name: str, content: str, time_ns: int = SECOND * 10**9) -> None:
    write(root, name, content=content)
    os.utime(root / name, ns=(time_ns, time_ns))


def copy_away(pipeline: Pipeline, root: Path, copies: dict[str, str]) -> None:
    """Copy with their times under other inodes, and delete the sources, as a move between file systems does.

    The sources are missing before the copies come, whichever folder a walk reads first.
    """
    for old, new in copies.items():
        (root / new).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / old, root.parent / new.replace("/", "-"))
    for old in copies:  # not before: a copy would get the inode of an earlier source
        (root / old).unlink()
    pipeline.watcher.scan_now()
    pipeline.wait_for(lambda: pipeline.status().missing == len(copies), what="the sources are missing")
    for new in copies.values():
        (root.parent / new.replace("/", "-")).rename(root / new)


def row_ids(pipeline: Pipeline, *names: str) -> list[uuid.UUID]:
    return [pipeline.file(name).id for name in names]


def test_files_that_are_alike_keep_their_assets_when_they_are_copied_away(pipeline: Pipeline, root: Path) -> None:
    write_at(root, "sh010/frame.mov", "ten")
    pipeline.settle()
    write_at(root, "sh020/frame.mov", "twe")
    pipeline.settle()
    before = row_ids(pipeline, "sh010/frame.mov", "sh020/frame.mov")
    copy_away(pipeline, root, {"sh020/frame.mov": "new/a/frame.mov", "sh010/frame.mov": "new/b/frame.mov"})
    pipeline.settle()
    assert row_ids(pipeline, "new/b/frame.mov", "new/a/frame.mov") == before
    assert pipeline.status().missing == 0
    assert pipeline.broken() == []


def test_a_copy_of_one_is_not_the_other_that_was_deleted(pipeline: Pipeline, root: Path) -> None:
    write_at(root, "sh010/frame.mov", "ten")
    pipeline.settle()
    write_at(root, "sh020/frame.mov", "twe")
    pipeline.settle()
    gone, stays = row_ids(pipeline, "sh010/frame.mov", "sh020/frame.mov")
    (root / "sh010/frame.mov").unlink()
    (root / "new").mkdir()
    shutil.copy2(root / "sh020/frame.mov", root / "new/frame.mov")
    pipeline.settle()
    assert row_ids(pipeline, "sh020/frame.mov") == [stays]
    assert row_ids(pipeline, "new/frame.mov") not in ([gone], [stays])
    assert pipeline.file("sh010/frame.mov").status == FileStatus.MISSING


def test_files_that_come_at_once_are_told_apart_too(pipeline: Pipeline, root: Path) -> None:
    for number in range(4):
        write_at(root, f"sh{number}/frame.mov", f"shot {number}")
    pipeline.settle()
    before = row_ids(pipeline, *(f"sh{number}/frame.mov" for number in range(4)))
    copy_away(pipeline, root, {f"sh{number}/frame.mov": f"done/{9 - number}/frame.mov" for number in range(4)})
    pipeline.settle()
    assert row_ids(pipeline, *(f"done/{9 - number}/frame.mov" for number in range(4))) == before
    assert pipeline.broken() == []


def test_files_whose_content_is_the_same_too_are_mistaken_for_none(pipeline: Pipeline, root: Path) -> None:
    write_at(root, "a/reel.mov", "same")
    write_at(root, "b/reel.mov", "same")
    pipeline.settle()
    before = set(row_ids(pipeline, "a/reel.mov", "b/reel.mov"))
    copy_away(pipeline, root, {"a/reel.mov": "c/reel.mov", "b/reel.mov": "d/reel.mov"})
    pipeline.settle()
    assert before.isdisjoint(row_ids(pipeline, "c/reel.mov", "d/reel.mov"))
    assert pipeline.status_of("a/reel.mov") is FileStatus.MISSING


def test_every_file_has_the_digest_of_its_present_content(pipeline: Pipeline, root: Path) -> None:
    write_at(root, "a/reel.mov", "this")
    write_at(root, "b/reel.mov", "that", SECOND * 10**9 + 123_456_789)
    write(root, "b/empty.mov", content="")
    pipeline.settle()
    digests = {pipeline.file(name).digest for name in ("a/reel.mov", "b/reel.mov")}
    assert len(digests) == 2
    assert None not in digests
    assert pipeline.file("b/empty.mov").digest is None
    write_at(root, "a/reel.mov", "more of this", SECOND * 10**9 + 5)
    pipeline.settle()
    assert pipeline.file("a/reel.mov").digest not in {*digests, None}


def test_both_ends_and_the_size_count(root: Path) -> None:
    long = b"x" * 300_000
    contents = [long, b"y" + long[1:], long[:-1] + b"y", long + b"x", b"", b"short"]
    digests = set()
    for number, content in enumerate(contents):
        (root / str(number)).write_bytes(content)
        entry = stat_file(bytes(root), str(number).encode())
        digests.add(digest_file_ends(bytes(root / str(number)), entry))
    assert len(digests) == len(contents)
    assert None not in digests


def test_what_cannot_be_read_as_it_was_has_no_digest(root: Path) -> None:
    digests, folder = ContentDigests(), KnownFolder(1, b"", None)
    (root / "reel.mov").write_bytes(b"before")
    entry = stat_file(bytes(root), b"reel.mov")
    assert isinstance(entry, FileEntry)
    (root / "reel.mov").write_bytes(b"behind it")
    digests.read(bytes(root), folder, entry)
    (root / "reel.mov").unlink()
    digests.read(bytes(root), folder, entry)
    os.mkfifo(root / "reel.mov")
    digests.read(bytes(root), folder, entry)
    (root / "reel.mov").unlink()
    (root / "reel.mov").symlink_to(root / "other.mov")
    digests.read(bytes(root), folder, entry)
    assert (digests.of_files, digests.errors) == ({}, {})
