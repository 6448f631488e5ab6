"""Sums of files that are read whole are kept; one that changes while its file's size and time do not is a problem."""

import os
from pathlib import Path

from sqlalchemy import select

from media.evidence.verdict import Answer
from models.catalog.evidence import FileDigest
from models.core.sessions import transact
from services.catalog.assets.digests import COMMON_ALGORITHM, ComputedDigest, store_digests
from services.operations.backlog import list_backlog
from services.readiness.ready import ReadyQuestion, ask_ready
from tests.pipeline import Pipeline
from tests.services.media_clips import put
from tests.services.transcode_steps import Studio


def keep(pipeline: Pipeline, name: str, digest: str) -> None:
    row = pipeline.file(name)
    assert row is not None
    computed = ComputedDigest(row.id, row.size, row.mtime_ns, {COMMON_ALGORITHM: digest})
    transact(pipeline.sessions, store_digests, [computed, computed], "schedule")


def test_a_file_that_lost_bits_is_a_problem_with_its_good_copies(pipeline: Pipeline, root: Path) -> None:
    put(root, "a/clip.mp4", "b/clip.mp4")
    pipeline.settle()
    for name in ("a/clip.mp4", "b/clip.mp4"):
        keep(pipeline, name, "0" * 32)
    assert pipeline.status().flipped_files == 0
    keep(pipeline, "a/clip.mp4", "1" * 32)
    assert pipeline.status().flipped_files == 1
    with pipeline.sessions() as session:
        (listed,) = (one for one in list_backlog(session) if one.kind == "bits")
    assert f"was {'0' * 32}, and is {'1' * 32}; good copies: Rushes/b/clip.mp4" in (listed.why or "")
    verdict = ask_ready(pipeline.sessions, ReadyQuestion(os.fsencode(root / "a"))).verdict
    assert verdict.answer is Answer.REFUTED
    keep(pipeline, "a/clip.mp4", "0" * 32)
    assert pipeline.status().flipped_files == 0
    keep(pipeline, "a/clip.mp4", "1" * 32)
    (root / "a/clip.mp4").write_bytes(b"another take")
    pipeline.settle()
    assert pipeline.status().flipped_files == 0


def test_a_transcode_leaves_the_sum_of_its_source(studio: Studio, root: Path) -> None:
    put(root, "clip.mp4")
    studio.pipeline.settle()
    studio.read_again()
    studio.ask("clip")
    assert studio.run() == 1
    with studio.sessions() as session:
        (kept,) = session.scalars(select(FileDigest))
    assert (kept.algorithm, kept.proven_by, kept.size) == ("xxh128", "transcode", (root / "clip.mp4").stat().st_size)
