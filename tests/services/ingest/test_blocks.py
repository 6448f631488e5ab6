"""Blocks: what is read of a folder when one of its files changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sqlalchemy import select, text

from models.catalog.file import File, read_folder_paths
from models.catalog.storage import Storage
from models.queues.island import Island
from services.ingest.blocks import read_blocks
from services.ingest.reader import claim_islands_read_only, read_storage_rules
from services.ingest.state import IslandState
from tests.files import write
from tests.pipeline import Pipeline

BLOCKS = {
    "clip_0001.mov": "clip_0001.mov",
    "notes.pdf": "notes.pdf",
    "fish_L.mov": "fish.en.srt fish_L.mov fish_R.mov",
    "fish.en.srt": "fish.en.srt fish_L.mov fish_R.mov",
    "reel_proxy.mp4": "Subs/reel.de.srt proxies/reel.mp4 reel.mov reel_proxy.mp4",
    "Subs/reel.de.srt": "Subs/reel.de.srt proxies/reel.mp4 reel.mov reel_proxy.mp4",
    "IMG_0001.CR2": "IMG_0001.CR2 IMG_0001.JPG IMG_0001.xmp",
    "IMG_0002.CR2": "IMG_0002.CR2",
    "take_A1.wav": "take_A1.wav take_V1.mov",
    # With a sequence the whole island is read.
    "plate.mp4": None,
    "plate.0001.exr": None,
}
"""For a changed file, the files that are read."""
OTHERS = ["clip_0002.mov", "clip_0003.mov", "plate.0002.exr"]


def read_after_change(pipeline: Pipeline, name: str) -> str | None:
    """What is read of the island after a change of this file, None if all of it is; nothing stays changed."""
    with pipeline.sessions() as session:
        file = session.scalars(select(File).where(File.name == name.rpartition("/")[2].encode())).one()
        file.seen = 1_000_000
        session.flush()
        storage, island = session.scalars(select(Storage)).one(), session.scalars(select(Island)).one()
        (claim,) = claim_islands_read_only(session, [island.id])
        state = IslandState(replace(claim, reads_all_files=False), read_storage_rules(session, storage))
        read_blocks(session, {island.id: state}, {island.id: read_folder_paths(session, [island.id], "island_id")})
        session.rollback()
    return " ".join(sorted(path.decode() for path in state.files)) if state.is_block else None


def test_a_change_reads_what_it_can_concern(pipeline: Pipeline, root: Path) -> None:
    write(root, *{name for names in BLOCKS.values() if names for name in names.split()}, *BLOCKS, *OTHERS)
    pipeline.settle()
    assert {name: read_after_change(pipeline, name) for name in BLOCKS} == BLOCKS


def test_a_paper_of_the_folder_has_it_read_whole(pipeline: Pipeline, root: Path) -> None:
    write(root, "clip_0001.mov", "clip_0002.mov")
    pipeline.settle()
    assert read_after_change(pipeline, "clip_0001.mov") == "clip_0001.mov"
    write(root, "day.mhl")
    pipeline.settle()
    assert read_after_change(pipeline, "clip_0001.mov") is None


def test_keys_of_another_version_are_computed_by_the_watcher_and_meanwhile_all_is_read(
    pipeline: Pipeline, root: Path
) -> None:
    write(root, "clip_0001.mov", "clip_0002.mov", "clip_0001.srt")
    pipeline.settle()
    with pipeline.sessions.begin() as session:
        before = dict(session.execute(select(File.name, File.blocking_keys)).all())
        session.execute(text("UPDATE storage SET blocking_version = 0"))
        session.execute(text("UPDATE file SET blocking_keys = '{1}' WHERE name = 'clip_0002.mov'"))
        session.execute(text("UPDATE file SET blocking_keys = NULL WHERE name = 'clip_0001.mov'"))
        islands = session.execute(select(Island.id, Island.seen)).all()
    assert read_after_change(pipeline, "clip_0002.mov") is None
    pipeline.watch()
    pipeline.settle()
    assert read_after_change(pipeline, "clip_0002.mov") == "clip_0002.mov"
    with pipeline.sessions() as session:
        assert dict(session.execute(select(File.name, File.blocking_keys)).all()) == before
        assert session.execute(select(Island.id, Island.seen)).all() == islands
    assert all(before.values())
