"""Snapshots of merged assets: what they had, by file, by file set and by format."""

import uuid
from typing import Any

import pytest

from services.ingest.merged_assets import MAX_SNAPSHOT_FILE_IDS
from tests.services.ingest.catalog import Catalog

IDS = Catalog()
FIRST, SECOND, FORMAT, OTHER_FORMAT, A, B, C = (IDS.new_id() for _ in range(7))


def file_set(set_id: uuid.UUID, count: int, *files: uuid.UUID) -> dict[str, Any]:
    return {"id": str(set_id), "file_count": count, "files": [str(each) for each in files]}


def snapshot_of(*formats: tuple[uuid.UUID, list[dict[str, Any]]]) -> Any:
    catalog = Catalog()
    ended = catalog.end(catalog.store("dead", "a.mov"), catalog.store("holder", "b.mov"))
    ended.was = {"formats": [{"id": str(format_id), "file_sets": sets} for format_id, sets in formats]}
    return ended


def test_files_are_known_by_their_file_set_and_format() -> None:
    ended = snapshot_of((FORMAT, [file_set(FIRST, 2, A, B)]), (OTHER_FORMAT, [file_set(SECOND, 1, C)]))
    assert ended.set_of_file() == {A: FIRST, B: FIRST, C: SECOND}
    assert ended.format_of_file() == {A: FORMAT, B: FORMAT, C: OTHER_FORMAT}
    assert [each["id"] for each in ended.file_sets()] == [str(FIRST), str(SECOND)]
    assert ended.count() == 3


@pytest.mark.parametrize(
    ("file_count", "listed", "expected"),
    [(1_240, 1_000, 1_240), (0, 2, 2), (2, 2, 2), (0, 0, 0)],
    ids=["more than are listed", "offline: counted by what is listed", "all listed", "none"],
)
def test_a_file_set_counts_what_it_had_or_what_is_listed(file_count: int, listed: int, expected: int) -> None:
    files = [IDS.new_id() for _ in range(listed)]
    ended = snapshot_of((FORMAT, [file_set(FIRST, file_count, *files)]))
    assert (ended.counts(), ended.count()) == ({FIRST: expected}, expected)


@pytest.mark.parametrize(("listed", "is_long"), [(MAX_SNAPSHOT_FILE_IDS, True), (MAX_SNAPSHOT_FILE_IDS - 1, False)])
def test_a_file_set_is_long_if_its_list_is_full(listed: int, is_long: bool) -> None:
    ended = snapshot_of((FORMAT, [file_set(FIRST, listed, *(IDS.new_id() for _ in range(listed)))]))
    assert ended.long_sets() == ({FIRST} if is_long else set())


def test_an_asset_without_formats_or_files_had_none() -> None:
    for ended in (snapshot_of(), snapshot_of((FORMAT, []))):
        assert (ended.count(), ended.set_of_file(), ended.format_of_file(), ended.long_sets()) == (0, {}, {}, set())
