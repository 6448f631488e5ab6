"""Histories are accepted in both directions: by ourselves always, by the reference where `make ascmhl` installed it."""

from pathlib import Path

import pytest

from tests.ascmhl.exchange import exchange, is_proven, write_ours
from tests.pipeline import Pipeline

REFERENCE = Path("build/ascmhl/bin/ascmhl")


def test_a_copy_with_our_history_is_proven_by_it(pipeline: Pipeline) -> None:
    write_ours(pipeline, 2, pipeline.root.parent / "copy")
    (pipeline.root.parent / "copy").rename(pipeline.root / "copy")
    pipeline.settle()
    assert is_proven(pipeline, pipeline.root / "copy")
    (pipeline.root / "copy/later.mov").write_bytes(b"LATER")
    pipeline.settle()
    assert not is_proven(pipeline, pipeline.root / "copy")


@pytest.mark.skipif(not REFERENCE.exists(), reason="make ascmhl installs the reference")
def test_the_reference_accepts_ours_and_we_accept_its_own(pipeline: Pipeline, tmp_path: Path) -> None:
    assert exchange(pipeline, str(REFERENCE), 2, tmp_path) == (2, 2)
