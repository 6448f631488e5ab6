"""Plans with their rows: which files a planned file set has, read or not, and which frames are its members."""

import uuid

import pytest

from grouping import FilePin, Frames, FrameSequence
from services.ingest.plan import PlannedAsset, PlannedFileSet, is_sequence_member
from tests.services.ingest.catalog import FILE_SIZE, Catalog


def only_set(planned: list[PlannedAsset]) -> PlannedFileSet:
    [asset] = planned
    [part] = asset.sets()
    return part


def test_every_path_of_a_plan_gets_its_row() -> None:
    catalog = Catalog()
    files = catalog.arrive("a.mov", "a.srt")
    [asset] = catalog.plan()
    assert sorted(asset.files()) == sorted(files)
    assert [part.count for part in asset.sets()] == [1, 1]
    assert asset.is_new
    assert asset.pin is None


def test_a_sequence_that_was_read_whole_has_all_its_files_and_a_bucket() -> None:
    catalog = Catalog()
    files = catalog.arrive(*(f"plate.{frame:04}.exr" for frame in range(1, 6)))
    part = only_set(catalog.plan())
    assert (part.files, part.unread, part.continues) == (files, 0, None)
    assert part.place == (1, b"plate.\0.exr")


def test_a_sequence_that_was_not_read_continues_its_file_set() -> None:
    catalog = Catalog()
    stored = catalog.store_sequence("plate", "plate.0001.exr", 100)
    part = only_set(catalog.plan())
    assert (part.files, part.unread, part.count) == ([], 100, 100)
    assert [part.continues] == list(stored.file_sets.values())


def test_frames_that_arrived_are_read_and_the_others_are_only_counted() -> None:
    catalog = Catalog()
    catalog.store_sequence("plate", "plate.0001.exr", 100, read=[5])
    arrived = catalog.arrive("plate.0101.exr", "plate.0102.exr")
    part = only_set(catalog.plan())
    assert [file.frame for file in part.files] == [5, 101, 102]
    assert part.files[1:] == arrived
    assert (part.unread, part.count) == (99, 102)
    assert not catalog.plan()[0].is_new


def test_bytes_of_frames_that_left_are_lost() -> None:
    catalog = Catalog()
    catalog.store_sequence("plate", "plate.0001.exr", 100, read=[5, 6])
    catalog.leave("plate.0005.exr", "plate.0006.exr")
    part = only_set(catalog.plan())
    assert (part.count, part.unread, part.lost_bytes) == (98, 98, 2 * FILE_SIZE)


def test_bytes_that_the_file_set_never_counted_are_not_lost() -> None:
    catalog = Catalog()
    catalog.store_sequence("plate", "plate.0001.exr", 100)
    catalog.arrive("plate.0101.exr", status="MISSING", counted_bytes=FILE_SIZE, file_set_id=catalog.new_id())
    assert only_set(catalog.plan()).lost_bytes == 0


def test_an_asset_is_new_if_none_of_its_files_was_in_a_file_set() -> None:
    catalog = Catalog()
    catalog.store("a", "a.mov")
    catalog.arrive("a.srt")
    [asset] = catalog.plan()
    assert not asset.is_new


def test_a_plan_without_a_stored_asset_says_which_it_is() -> None:
    catalog = Catalog()
    catalog.arrive("a.mov")
    [asset] = catalog.plan()
    assert asset.revived_snapshot is None
    with pytest.raises(ValueError, match='the plan of "a" continues no stored asset'):
        asset.require_stored()


def test_the_pin_of_a_plan_is_that_of_its_files() -> None:
    catalog = Catalog()
    stored = catalog.store("by hand", "a.mov", "b.mov")
    catalog.pin("a.mov", stored)
    catalog.pin("b.mov", stored)
    [asset] = catalog.plan()
    assert asset.pin == FilePin(str(stored.row.id), str(next(iter(stored.formats))))


@pytest.mark.parametrize(
    ("name", "sequence_padding", "expected"),
    [
        ("plate.0005.exr", 4, True),
        ("plate.1005.exr", 4, True),
        ("plate.10005.exr", 4, True),
        ("plate.0005.exr", 5, False),
        ("plate.005.exr", 4, False),
        ("plate.105.exr", 4, False),
        ("plate.105.exr", 3, True),
        ("plate.105.exr", 0, True),
        ("plate.0105.exr", 0, False),
        ("plate.-1005.exr", 4, True),
        ("plate.-105.exr", 4, False),
        ("plate.99999.exr", 4, False),
        ("plate.mov", 4, False),
    ],
)
def test_a_frame_belongs_to_the_sequence_with_its_number_and_padding(
    name: str, sequence_padding: int, expected: bool
) -> None:
    """A number without leading zeros is as wide as it is written, so it fits any padding up to its width."""
    frames = Frames([5, 105, 1005, 10005, -105, -1005])
    sequence = FrameSequence(b"", b"plate.", b".exr", sequence_padding, frames)
    assert is_sequence_member(sequence, Catalog().file(name)) is expected


def test_ids_of_a_plan_are_unset_until_it_is_matched() -> None:
    catalog = Catalog()
    catalog.arrive("a.mov")
    [asset] = catalog.plan()
    ids: list[uuid.UUID | None] = [asset.split_from, *(part.id for part in asset.formats)]
    assert {*ids, *(part.id for part in asset.sets())} == {None}
