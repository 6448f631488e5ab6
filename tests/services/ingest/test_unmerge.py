"""Unmerge: an asset that splits off gets the rows that move whole, and its former ids where they are unused."""

import uuid

from models.catalog.asset import FileSet, Format
from services.ingest.matching import match_plans
from services.ingest.merged_assets import MergeSnapshot
from services.ingest.plan import PlannedAsset, PlannedFileSet, PlannedFormat
from services.ingest.state import StoredAsset
from services.ingest.unmerge import match_unmerged
from tests.services.ingest.catalog import Catalog


def take_over(catalog: Catalog, rows: list[FileSet | Format], holder: StoredAsset) -> None:
    """Move the files of dead rows to the first file set of the holder, as a merge into one file set does."""
    dead = {row.id for row in rows}
    target = next(iter(holder.file_sets))
    for file in list(catalog.island.files.values()):
        if file.file_set_id in dead:
            catalog.change(file.path.decode(), file_set_id=target)
    for row_id in dead:
        holder.file_sets.pop(row_id, None)
        holder.formats.pop(row_id, None)


def revive(catalog: Catalog, ended: MergeSnapshot) -> tuple[PlannedAsset, PlannedFormat, PlannedFileSet]:
    """Plan the island; return the plan that is the merged asset again, with its first format and file set."""
    planned = catalog.plan()
    match_plans(planned, catalog.snapshot, [ended])
    [asset] = [each for each in planned if each.revived_snapshot is ended]
    return asset, asset.formats[0], asset.formats[0].sets[0]


def merged_sound(catalog: Catalog) -> tuple[StoredAsset, StoredAsset, MergeSnapshot]:
    """Return a sound that was merged into a host, the host, and the snapshot of the sound."""
    sound = catalog.store("talk_A1", "talk_A1.wav")
    host = catalog.store("talk", "talk_V1.mov", "talk_A2.wav")
    ended = catalog.end(sound, host)
    catalog.rename("talk_A1.wav", "wild.wav")
    return sound, host, ended


def test_an_asset_gets_its_rows_back_which_its_holder_still_has() -> None:
    catalog = Catalog()
    sound, host, ended = merged_sound(catalog)
    [old_format], [old_set] = list(sound.formats.values()), list(sound.file_sets.values())
    _, of_format, part = revive(catalog, ended)
    assert part.stored is old_set
    assert of_format.stored is old_format
    assert host.given == {old_set.id, old_format.id}


def test_rows_that_are_gone_give_their_ids() -> None:
    catalog = Catalog()
    sound, host, ended = merged_sound(catalog)
    take_over(catalog, [*sound.file_sets.values(), *sound.formats.values()], host)
    ended.living = frozenset()
    _, of_format, part = revive(catalog, ended)
    assert (of_format.stored, part.stored) == (None, None)
    assert [of_format.id] == list(sound.formats)
    assert [part.id] == list(sound.file_sets)
    assert host.given == set()


def test_an_id_that_lives_in_a_third_asset_is_not_used_twice() -> None:
    catalog = Catalog()
    sound, host, ended = merged_sound(catalog)
    take_over(catalog, [*sound.file_sets.values(), *sound.formats.values()], host)
    _, of_format, part = revive(catalog, ended)
    assert (of_format.stored, of_format.id, part.stored, part.id) == (None, None, None, None)


def test_a_row_that_another_plan_continues_stays_there() -> None:
    catalog = Catalog()
    sound, _, ended = merged_sound(catalog)
    [old_set] = sound.file_sets.values()
    # A second take joined the file set of the sound, and stays with the host.
    catalog.change("talk_A2.wav", file_set_id=old_set.id)
    planned = catalog.plan()
    match_plans(planned, catalog.snapshot, [ended])
    continued = [part.stored for asset in planned if asset.revived_snapshot is None for part in asset.sets()]
    assert old_set in continued
    [revived] = [asset for asset in planned if asset.revived_snapshot is ended]
    assert [part.stored for part in revived.sets()] == [None]


def test_a_format_stays_while_a_file_set_of_it_does() -> None:
    catalog = Catalog()
    sound, host, ended = merged_sound(catalog)
    [old_format] = sound.formats.values()
    kept = next(row for row in host.file_sets.values() if row.format_id != old_format.id)
    kept.format_id = old_format.id
    _, of_format, part = revive(catalog, ended)
    assert part.stored is not None
    assert (of_format.stored, of_format.id) == (None, None)


def test_a_pinned_format_stays() -> None:
    catalog = Catalog()
    sound, host, ended = merged_sound(catalog)
    host.pinned_formats = frozenset(sound.formats)
    _, of_format, _ = revive(catalog, ended)
    assert of_format.stored is None


def test_rows_of_a_holder_in_another_island_are_not_touched() -> None:
    catalog = Catalog()
    _, host, ended = merged_sound(catalog)
    host.row.island_id = 7
    _, of_format, part = revive(catalog, ended)
    assert (of_format.stored, part.stored) == (None, None)
    assert host.given == set()


def test_a_sequence_that_was_not_read_moves_with_its_row() -> None:
    catalog = Catalog()
    stored = catalog.store_sequence("plate", "plate.0001.exr", 100)
    [row] = stored.file_sets.values()
    [planned] = catalog.plan()
    match_unmerged([planned], catalog.snapshot)
    assert [part.stored for part in planned.sets()] == [row]
    assert stored.given == {row.id}
    assert planned.split_from == stored.row.id


def parts_of(catalog: Catalog, *stored: StoredAsset) -> uuid.UUID | None:
    """Return from which asset the only plan splits, when none of these continues as it."""
    [planned] = catalog.plan()
    match_unmerged([planned], catalog.snapshot)
    return planned.split_from


def test_a_new_asset_splits_from_the_one_that_had_most_of_its_files() -> None:
    catalog = Catalog()
    catalog.store("few", "talk_A1.wav")
    many = catalog.store("many", "talk_V1.mov", "talk_A2.wav")
    assert parts_of(catalog) == many.row.id


def test_of_two_that_had_as_many_it_splits_from_the_smaller_id() -> None:
    catalog = Catalog()
    first = catalog.store("first", "talk_V1.mov")
    catalog.store("second", "talk_A1.wav")
    assert parts_of(catalog) == first.row.id


def test_files_that_no_asset_had_split_from_none() -> None:
    catalog = Catalog()
    catalog.arrive("talk_V1.mov", "talk_A1.wav")
    assert parts_of(catalog) is None


def test_a_pinned_file_set_counts_as_no_asset() -> None:
    catalog = Catalog()
    stored = catalog.store("a", "a.mov")
    catalog.snapshot.asset_of_set.clear()
    assert stored.file_sets
    assert parts_of(catalog) is None
