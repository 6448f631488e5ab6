"""Sidecar and folder settings of a storage: required sidecars, folder names as tags; and completeness."""

from pathlib import Path

import pytest

from models.core.sessions import transact
from services.core.errors import ValidationFailed
from services.storages.api_changes import StorageSpec, update_storage
from tests.files import write
from tests.media.sidecars.test_parsers import XMP
from tests.pipeline import Pipeline
from tests.services.sidecar_steps import ADMIN, add_fields, put, read, say, told, values

NOBODY = "00000000-0000-0000-0000-000000000007"


def test_folders_below_the_root_become_tags_beside_those_of_sidecars(pipeline: Pipeline, root: Path) -> None:
    add_fields(pipeline, tags="tag_cloud")
    pipeline.change_settings(folder_name_tags_metadata_field_name="tags")
    write(root, "top.mov", "Nature/Sea/clip.mov", "Nature/Sea/late.mov")
    write(root, *(f"Nature/p.{number}.exr" for number in range(1001, 1009)))
    put(root, "Nature/Sea/clip.json", {"tags": ["ship"]})
    read(pipeline)
    assert values(pipeline, "top") == {}
    assert values(pipeline, "clip") == {"tags": ["Nature", "Sea", "ship"]}
    assert values(pipeline, "p") == {"tags": ["Nature"]}
    assert ("ingest", "tagged by the names of its folders: Nature, Sea") in told(pipeline)
    say(pipeline, "late", tags=["mine"])
    write(root, "Nature/Sea/late.srt")
    read(pipeline)
    assert values(pipeline, "late") == {"tags": ["mine"]}, "folders are read once, when it is ingested"
    assert pipeline.broken() == []


def test_a_storage_may_take_in_nothing_without_its_sidecar(pipeline: Pipeline, root: Path) -> None:
    add_fields(pipeline, colour="string")
    pipeline.change_settings(sidecar_metadata_required=True)
    write(root, "clip.mov", "clip.md5", "known.mov", *(f"p.{number}.exr" for number in range(1001, 1009)))
    put(root, "known.json", {"colour": "red"})
    pipeline.settle()
    assert (pipeline.titles(), pipeline.broken()) == (["known"], [])
    said = pipeline.explain("clip.mov")
    assert "\nwaiting\n" in said
    assert 'waits for a sidecar with its metadata, such as "clip.xml" or "clip.mov.json"' in said
    assert "takes in nothing without one" in pipeline.explain("p.1004.exr")
    assert pipeline.status().pending_islands == 0
    put(root, "p.xmp", XMP)
    put(root, "clip.mov.json", {"colour": "blue"})
    read(pipeline)
    assert (pipeline.titles(), pipeline.broken()) == (["clip", "known", "p"], [])
    assert values(pipeline, "clip") == {"colour": ["blue"]}
    (root / "clip.mov.json").unlink()
    pipeline.settle()
    assert "clip" in pipeline.titles(), "what is an asset stays one"
    write(root, "other.mov")
    pipeline.settle()
    assert "other" not in pipeline.titles()


def test_what_waits_for_its_sidecar_is_taken_in_once_none_is_required(pipeline: Pipeline, root: Path) -> None:
    pipeline.change_settings(sidecar_metadata_required=True)
    write(root, "clip.mov")
    pipeline.settle()
    assert pipeline.titles() == []
    wish = StorageSpec(settings={"sidecar_metadata_required": False})
    transact(pipeline.sessions, lambda session: update_storage(session, pipeline.storage().id, wish, ADMIN))
    pipeline.wait_for(lambda: pipeline.titles() == ["clip"], "the clip is taken in")


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"metadata_view_id": NOBODY}, f"metadata view {NOBODY} does not exist"),
        ({"acl_template_id": NOBODY}, f"ACL template {NOBODY} does not exist"),
        (
            {"folder_name_tags_metadata_field_name": "colour"},
            'there is no metadata field "colour" of the type tag_cloud',
        ),
    ],
)
def test_a_storage_names_nothing_that_is_not_there(pipeline: Pipeline, settings: dict[str, str], reason: str) -> None:
    add_fields(pipeline, colour="string")
    wish = StorageSpec(settings=settings)
    with pytest.raises(ValidationFailed) as refused:
        transact(pipeline.sessions, lambda session: update_storage(session, pipeline.storage().id, wish, ADMIN))
    assert (refused.value.field, str(refused.value)) == (f"settings.{next(iter(settings))}", reason)
