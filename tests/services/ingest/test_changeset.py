"""Change sets: which file sets an ingest gives other files, when an island is due again, and what history says."""

from typing import Any

import pytest

from models.catalog.history import Operation
from services.ingest.changeset import CONTENT_COLUMNS, IngestChanges, find_changed_sets, find_sets_of_new_assets
from tests.services.ingest.catalog import Catalog

IDS = Catalog()
ASSET, OTHER, SET, FILE = (IDS.new_id() for _ in range(4))

CHANGED: dict[str, tuple[dict[str, Any], bool]] = {
    "nothing": ({}, False),
    "a new file set": ({"new_file_sets": [{"id": SET, "asset_id": ASSET}]}, True),
    "a file that joins": ({"new_members": [(FILE, SET, 1)]}, True),
    "a file that moves in": ({"moved_members": [(FILE, SET, 1)]}, True),
    "a file set without files": ({"emptied_sets": [SET]}, True),
    "a rewritten member": ({"rewritten": [FILE]}, False),
    "a member of another size": ({"recounted": [(FILE, 1)]}, False),
    "other components": ({"recomposed_sets": [SET]}, False),
    "another name": ({"changed_file_sets": [{"id": SET, "name": "b.mov", "base_dir": "b"}]}, False),
    "what history has said": ({"changed_file_sets": [{"id": SET, "told_count": 3, "untold_changes": 0}]}, False),
    **{
        f"another {column}": ({"changed_file_sets": [{"id": SET, column: None}]}, True)
        for column in sorted(CONTENT_COLUMNS)
    },
}


@pytest.mark.parametrize("name", CHANGED)
def test_a_file_set_changed_if_its_files_or_their_content_did(name: str) -> None:
    columns, is_changed = CHANGED[name]
    assert find_changed_sets(IngestChanges(**columns)) == ({SET} if is_changed else set())


def test_only_file_sets_of_assets_that_are_created_with_them_are_new() -> None:
    new = IDS.new_id()
    changes = IngestChanges(
        new_assets=[(ASSET, "a", None, 1, None)],
        new_file_sets=[{"id": SET, "asset_id": ASSET}, {"id": new, "asset_id": OTHER}],
        changed_file_sets=[{"id": IDS.new_id(), "asset_id": ASSET}],
    )
    assert find_sets_of_new_assets(changes) == {SET}


def test_the_earliest_wait_of_an_island_wins() -> None:
    changes = IngestChanges()
    for island, seconds in ((1, 5.0), (2, 7.0), (1, 9.0), (1, 3.0)):
        changes.wait(island, seconds)
    assert changes.waits == {1: 3.0, 2: 7.0}


def test_history_keeps_the_order_and_the_details_of_entries() -> None:
    changes = IngestChanges()
    changes.tell(ASSET, Operation.CUSTOM, "Took in.", merged=str(OTHER))
    changes.tell(OTHER, Operation.MODIFY_FILESET, "Left.")
    assert [(entry.asset_id, entry.description, dict(entry.details)) for entry in changes.history] == [
        (ASSET, "Took in.", {"merged": str(OTHER)}),
        (OTHER, "Left.", {}),
    ]
