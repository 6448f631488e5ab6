"""State of islands: which files count as members, what is given to the grouping, and what may go offline."""

import pytest

from grouping import NumberedBucket, Single
from models.catalog.file import FileStatus
from tests.services.ingest.catalog import DONE, Catalog


@pytest.mark.parametrize(
    ("status", "size", "is_member", "expected"),
    [
        ("CLOSED", 1, False, True),
        ("REDISCOVERED", 1, False, True),
        ("CLOSED", 0, False, False),
        ("OPEN", 1, False, False),
        ("GROWING", 1, False, False),
        ("AWAITED", 1, False, False),
        ("MISSING", 1, False, False),
        ("CLOSED", 0, True, True),
        ("OPEN", 0, True, True),
        ("GROWING", 1, True, True),
        ("AWAITED", 1, True, True),
        ("MISSING", 1, True, False),
    ],
)
def test_a_member_stays_until_it_is_missing_and_others_wait_until_they_are_stable(
    status: str, size: int, is_member: bool, expected: bool
) -> None:
    catalog = Catalog()
    set_id = catalog.new_id() if is_member else None
    file = catalog.file("a.mov", status=status, size=size, file_set_id=set_id)
    assert FileStatus(status)
    assert file.is_present is expected


@pytest.mark.parametrize(("status", "counted", "expected"), [("MISSING", 5, True), ("MISSING", 0, False)])
def test_a_missing_file_is_counted_as_long_as_its_file_set_has_its_bytes(
    status: str, counted: int, expected: bool
) -> None:
    catalog = Catalog()
    file = catalog.file("a.mov", status=status, counted_bytes=counted, file_set_id=catalog.new_id())
    assert file.is_counted_but_gone is expected
    assert not file._replace(status="CLOSED").is_counted_but_gone


def test_frames_are_given_as_ranges_and_other_files_one_by_one() -> None:
    catalog = Catalog()
    catalog.arrive("a.mov", "shots/plate.0001.exr", "shots/plate.0002.exr")
    catalog.arrive("shots/plate.0003.exr", status="GROWING")
    for bucket in catalog.island.buckets.values():
        bucket.settle()
    single, bucket = catalog.island.items()
    assert isinstance(single, Single)
    assert isinstance(bucket, NumberedBucket)
    assert single.path == b"a.mov"
    assert (bucket.folder, bucket.key) == (b"shots", b"plate.\0.exr")
    assert [(padding, frames.to_text()) for padding, frames in bucket.runs] == [(4, "1-2")]
    assert catalog.island.bucket_key_of(b"shots", bucket.key) == (2, bucket.key)


def test_the_row_decides_whether_a_name_is_a_frame() -> None:
    """A profile changes what a name is; the island keeps to its rows until they were classified again."""
    catalog = Catalog()
    catalog.arrive("plate.0001.exr", bucket=None, frame=None, padding=0)
    [single] = catalog.island.items()
    assert isinstance(single, Single)
    assert (single.described.media_class, single.described.bucket) == ("image", None)


def test_an_empty_bucket_and_missing_files_are_not_given() -> None:
    catalog = Catalog()
    catalog.arrive("plate.0001.exr", "a.mov", status="MISSING")
    for bucket in catalog.island.buckets.values():
        bucket.settle()
    assert list(catalog.island.items()) == []


def test_a_bucket_is_whole_if_all_its_present_frames_were_read() -> None:
    catalog = Catalog()
    catalog.arrive("plate.0001.exr", "plate.0002.exr")
    catalog.arrive("plate.0003.exr", status="MISSING")
    catalog.store_sequence("other", "other.0001.exr", 5, read=[1, 2])
    for bucket in catalog.island.buckets.values():
        bucket.settle()
    assert catalog.island.is_whole((1, b"plate.\0.exr"))
    assert not catalog.island.is_whole((1, b"other.\0.exr"))


def test_only_members_that_left_since_the_last_finish_are_newly_missing() -> None:
    catalog = Catalog()
    stored = catalog.store("a", ["a.mov", "b.mov", "c.mov"])
    [set_id] = stored.file_sets
    catalog.leave("a.mov", "b.mov")
    catalog.change("b.mov", seen=DONE)
    catalog.arrive("d.mov", status="MISSING")
    assert catalog.island.newly_missing() == {set_id: [catalog.island.files[b"a.mov"]]}


def test_empty_files_without_a_file_set_are_given_apart() -> None:
    catalog = Catalog()
    catalog.arrive("plate.0001.exr", "a.mov", size=0)
    catalog.arrive("b.mov")
    catalog.arrive("c.mov", size=0, file_set_id=catalog.new_id())
    assert catalog.island.empty_paths() == [b"plate.0001.exr", b"a.mov"]


def test_a_format_that_grouping_made_may_go_offline() -> None:
    catalog = Catalog()
    stored = catalog.store("a", "a.mov")
    [made] = stored.formats
    declared = catalog.add_format(stored).id
    mixed = catalog.add_format(stored, "b.mov", "c.mov").id
    next(row for row in stored.file_sets.values() if row.format_id == mixed).island_id = None
    assert [stored.may_take_offline(each) for each in (made, declared, mixed)] == [True, False, False]
    stored.pinned_formats = frozenset({made})
    assert not stored.may_take_offline(made)
