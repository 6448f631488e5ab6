"""A deleted asset keeps its files and stays deleted, through any change in its folder, until a user restores it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from models.access.acl import Actor
from models.core.base import new_id
from services.catalog.assets.assets import delete_asset, restore_asset
from tests.files import write
from tests.pipeline import Pipeline

EDITOR = Actor("editor", user_id=new_id(), is_admin=True)
Change = Callable[[Path], object]
CHANGES: dict[str, tuple[Change, list[str]]] = {
    "a file of another asset arrives": (lambda root: write(root, "other.mov"), ["other"]),
    "its file is written again": (lambda root: write(root, "talk.mov", content="take two"), []),
    "its file is renamed": (lambda root: (root / "talk.mov").rename(root / "speech.mov"), []),
    "its file moves into another folder": (lambda root: move(root, "talk.mov", "day2/talk.mov"), []),
    "its captions arrive": (lambda root: write(root, "talk.en.srt"), []),
    "its transcode arrives": (lambda root: write(root, "talk_h264.mp4"), []),
    "its file vanishes": (lambda root: (root / "talk.mov").unlink(), []),
}


def move(root: Path, before: str, after: str) -> None:
    (root / after).parent.mkdir()
    (root / before).rename(root / after)


def delete(pipeline: Pipeline, title: str) -> object:
    """Delete an asset as its user does; its id."""
    asset_id = pipeline.ids()[title]
    with pipeline.sessions.begin() as session:
        delete_asset(session, asset_id, EDITOR)
    return asset_id


@pytest.mark.parametrize("what", CHANGES)
def test_it_stays_the_only_asset_of_its_files(pipeline: Pipeline, root: Path, what: str) -> None:
    change, others = CHANGES[what]
    write(root, "talk.mov")
    pipeline.wait_until_quiet()
    asset_id = delete(pipeline, "talk")
    assert pipeline.broken() == []
    change(root)
    pipeline.wait_until_quiet()
    assert (sorted(pipeline.ids()), pipeline.broken()) == (others, [])
    with pipeline.sessions.begin() as session:
        restore_asset(session, asset_id, EDITOR)
    pipeline.wait_until_quiet()
    assert asset_id in pipeline.ids().values()
    assert len(pipeline.ids()) == 1 + len(others)
    assert pipeline.broken() == []


def test_a_frame_more_joins_a_deleted_sequence(pipeline: Pipeline, root: Path) -> None:
    write(root, *(f"plate.{number}.exr" for number in range(1001, 1005)))
    pipeline.settle()
    asset_id = delete(pipeline, "plate")
    write(root, "plate.1005.exr")
    pipeline.settle()
    assert (pipeline.ids(), pipeline.broken()) == ({}, [])
    with pipeline.sessions.begin() as session:
        restore_asset(session, asset_id, EDITOR)
    (plate,) = pipeline.assets()
    assert len(plate["formats"][0]["files"]) == 5


def test_one_that_is_not_deleted_survives_where_both_become_one_and_both_return_where_they_part(
    pipeline: Pipeline, root: Path
) -> None:
    write(root, "talk_A1.wav")
    pipeline.settle()
    old = delete(pipeline, "talk_A1")
    write(root, "talk_A2.wav")
    pipeline.settle()
    young = pipeline.ids()["talk_A2"]
    write(root, "talk_V1.mov")
    pipeline.settle()
    assert (pipeline.ids(), pipeline.broken()) == ({"talk": young}, [])
    assert pipeline.show(str(old))["id"] == str(young)
    (root / "talk_V1.mov").unlink()
    pipeline.wait_until_quiet()
    assert (pipeline.ids(), pipeline.broken()) == ({"talk_A2": young}, [])
    with pipeline.sessions.begin() as session:
        restore_asset(session, old, EDITOR)
    assert pipeline.ids() == {"talk_A1": old, "talk_A2": young}
