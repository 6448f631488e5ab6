"""A client that openapi-python-client generates from the OpenAPI document works with types, without a line by hand."""

from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.api.conftest import Api, Caller
from tests.api.typed_client import PACKAGE, document_of, generate_client

OPERATIONS = {
    "POST /API/assets/v1/assets/",
    "GET /API/assets/v1/assets/",
    "GET /API/assets/v1/assets/{asset_id}/",
    "POST /API/assets/v1/{object_type}/{object_id}/shares/url/",
    "POST /API/jobs/v1/jobs/",
    "PATCH /API/jobs/v1/jobs/{job_id}/",
    "POST /API/search/v1/search/",
}
"""Some of all: the generator takes five seconds for the whole document."""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """The generated package."""
    folder = tmp_path_factory.mktemp("client")
    printed = generate_client(folder, document_of(OPERATIONS))
    assert "WARNING" not in printed, printed
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        return import_module(PACKAGE)


def operation(service: str, name: str) -> Any:
    """The module of one operation."""
    return import_module(f"{PACKAGE}.api.{service}.{service}_{name}")


def model(name: str, fields: dict[str, Any]) -> Any:
    """A body."""
    return getattr(import_module(f"{PACKAGE}.models"), name).from_dict(fields)


@pytest.fixture
def client(package: ModuleType, api: Api, owner: Caller) -> Iterator[Any]:
    headers = {"App-ID": owner.app_id, "Auth-Token": owner.token}
    with package.Client(base_url=api.root, headers=headers) as opened:
        yield opened


def test_assets_are_made_listed_by_pages_and_read(client: Any) -> None:
    made = [
        operation("assets", "post_asset_post").sync(client=client, body=model("NewAssetBody", {"title": title}))
        for title in ("first", "second", "third")
    ]
    assert [type(one.id) for one in made] == [UUID, UUID, UUID]
    listing = operation("assets", "get_assets_get")
    pages = [listing.sync(client=client, page=page, per_page=2, sort="title") for page in (1, 2)]
    assert [[one.title for one in page.objects] for page in pages] == [["first", "second"], ["third"]]
    assert (pages[0].total, pages[0].pages, pages[1].next_url) == (3, 2, None)
    read = operation("assets", "get_asset_get").sync(made[0].id, client=client)
    assert (read.title, read.date_created, read.status.value) == ("first", made[0].date_created, "ACTIVE")
    found = operation("search", "post_search_post").sync(
        client=client, body=model("SearchCriteriaBody", {"doc_types": ["assets"], "facets": ["type"]})
    )
    assert type(found).__name__ == "SearchPage"


def test_a_job_and_a_share_of_an_asset(client: Any, owner: Caller) -> None:
    asset = operation("assets", "post_asset_post").sync(client=client, body=model("NewAssetBody", {"title": "cut"}))
    body = {"title": "send", "type": "CUSTOM", "status": "STARTED", "object_type": "assets", "object_id": str(asset.id)}
    job = operation("jobs", "post_job_post").sync(client=client, body=model("JobBody", body))
    done = operation("jobs", "patch_job_patch").sync(
        job.id, client=client, body=model("JobChangeBody", {"status": "FINISHED"})
    )
    assert (done.object_id, done.status.value, done.created_by) == (asset.id, "FINISHED", owner.id)
    shared = operation("assets", "post_share_url_post").sync(
        "assets", str(asset.id), client=client, body=model("ShareBody", {"allow_comments": True})
    )
    assert (shared.object_id, shared.allow_comments, shared.allow_download) == (asset.id, True, False)


def test_errors_are_values_of_their_own_type(package: ModuleType, api: Api, client: Any) -> None:
    reading = operation("assets", "get_asset_get")
    missing = reading.sync_detailed(uuid4(), client=client)
    assert (missing.status_code, type(missing.parsed).__name__) == (404, "Errors")
    listing = operation("assets", "get_assets_get")
    wrong = listing.sync_detailed(client=client, sort="nothing")
    assert (wrong.status_code, [*wrong.parsed.errors.additional_properties]) == (400, ["sort"])
    with package.Client(base_url=api.root) as unknown:
        assert reading.sync_detailed(uuid4(), client=unknown).status_code == 401
