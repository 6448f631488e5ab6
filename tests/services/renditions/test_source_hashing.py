"""Sums of sources while the encoder reads them: whole files only, in file order, and no byte twice."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import xxhash

from media.sandbox.safe_open import SourceFile
from services.renditions.source_hashing import READ_AHEAD_BYTES, SourceHashing

SIZE = READ_AHEAD_BYTES + 12_345


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[list[tuple[SourceFile, int]]]:
    found = []
    for name in ("a.mov", "b.wav"):
        (tmp_path / name).write_bytes(name.encode() * (SIZE // 5))
        status = (tmp_path / name).stat()
        source = SourceFile(os.fsencode(tmp_path), name.encode(), status.st_size, status.st_mtime_ns)
        found.append((source, os.open(tmp_path / name, os.O_RDONLY)))
    yield found
    for _, descriptor in found:
        os.close(descriptor)


def test_files_are_hashed_along_with_the_encoder_and_whole_at_the_end(opened: list[tuple[SourceFile, int]]) -> None:
    hashing = SourceHashing()
    hashing.advance([*opened, opened[0]], 0, 100)
    assert hashing.digests == {}
    hashing.advance(opened, 60, 100)
    assert [one.name for one in hashing.digests] == ["a.mov"]
    hashing.advance(opened, 100, 100)
    expected = {}
    for source, _ in opened:
        content = (Path(os.fsdecode(source.root)) / source.name).read_bytes()
        expected[source] = xxhash.xxh3_128(content).hexdigest()
    assert hashing.digests == expected
    assert all(os.lseek(descriptor, 0, os.SEEK_CUR) == 0 for _, descriptor in opened)


def test_a_file_that_became_shorter_has_no_sum(opened: list[tuple[SourceFile, int]], tmp_path: Path) -> None:
    (tmp_path / "b.wav").write_bytes(b"short")
    hashing = SourceHashing()
    hashing.advance(opened, 1, 1)
    hashing.hash_whole(*opened[1])
    assert [one.name for one in hashing.digests] == ["a.mov"]
