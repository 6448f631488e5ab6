"""The older client, which omits some slashes and doubles others, and has stricter models."""

import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.conftest import Api, Caller
from tests.api.routes.search.test_search import drain_all

with warnings.catch_warnings():
    # Frozen code: its models are written for an older pydantic.
    warnings.simplefilter("ignore", DeprecationWarning)
    from pythonik.client import PythonikClient
    from pythonik.models.assets.assets import Asset, AssetCreate
    from pythonik.models.files.file import FileCreate, FileSetCreate
    from pythonik.models.files.format import Component, FormatCreate
    from pythonik.models.jobs.job_body import JobBody
    from pythonik.models.search.search_body import SearchBody


@pytest.fixture
def client(api: Api, admin: Caller) -> Iterator[PythonikClient]:
    """Its base address is the host's root."""
    client = PythonikClient(app_id=admin.app_id, auth_token=admin.token, timeout=10, base_url=api.root)
    yield client
    client.session.close()


def data(response: Any) -> Any:
    """The parsed body of a success."""
    assert response.response.ok, response.response.text
    return response.data


def test_assets_history_and_the_delete_queue(client: PythonikClient) -> None:
    made = data(client.assets().create(AssetCreate(title="old client")))
    asset = data(client.assets().get(made.id))
    assert asset.title == "old client"
    renamed = data(client.assets().partial_update_asset(made.id, Asset(title="renamed")))
    assert renamed.title == "renamed"
    assert data(client.assets().list_all()).objects
    history = data(client.assets().list_asset_history_entities(made.id))
    assert len(history["objects"] if isinstance(history, dict) else history.objects) == 2
    client.assets().delete(made.id)
    from_queue = client.assets().permanently_delete()
    assert from_queue.response.status_code == 204


def test_formats_file_sets_and_files(client: PythonikClient) -> None:
    asset = data(client.assets().create(AssetCreate(title="files")))
    one = data(client.files().create_asset_format(asset.id, FormatCreate(name="ORIGINAL")))
    part = Component(name="v", type="VIDEO", metadata={})
    data(client.files().create_asset_format_component(asset.id, one.id, part))
    group = data(
        client.files().create_asset_file_sets(
            asset.id, FileSetCreate(name="x", base_dir="", format_id=one.id, storage_id="", component_ids=[])
        )
    )
    file = data(
        client.files().create_asset_file(
            asset.id,
            FileCreate(
                name="x.mov",
                original_name="x.mov",
                directory_path="",
                file_set_id=group.id,
                format_id=one.id,
                storage_id="",
                type="FILE",
                status="OPEN",
                size=1,
            ),
        )
    )
    assert data(client.files().get_asset_file(asset.id, file.id)).original_name == "x.mov"
    assert len(data(client.files().get_asset_files(asset.id)).objects) == 1
    assert len(data(client.files().get_asset_formats(asset.id)).objects) == 1
    assert len(data(client.files().get_asset_filesets(asset.id)).objects) == 1
    data(client.files().get_storages())


def test_jobs_and_search(api: Api, client: PythonikClient) -> None:
    made = data(client.jobs().create(JobBody(title="old job", type="CUSTOM", status="STARTED")))
    data(client.jobs().update(made.id, JobBody(status="FINISHED")))
    data(client.assets().create(AssetCreate(title="findme")))
    drain_all(api)
    found = data(client.search().search(SearchBody(doc_types=["assets"], query="findme")))
    assert found.objects
