"""The backlog over HTTP, for administrators: dead-lettered work, its reasons, retries; and the progress of a file."""

from pathlib import Path

import pytest
from sqlalchemy import text

from models.core.base import new_id
from models.queues.job import JobStatus
from tests.api.conftest import Api, Caller
from tests.api.routes.catalog.test_assets import make_asset
from tests.api.routes.jobs.test_jobs import our_job


@pytest.fixture(autouse=True)
def nothing_is_parked(api: Api) -> None:
    """Clear the dead-lettered work that other tests of this database left, some of it without a reason."""
    with api.sessions.begin() as session:
        session.execute(text("DELETE FROM mail WHERE parked_at IS NOT NULL"))
        for table in ("job", "index_mark", "island", "media_work", "webhook_delivery"):
            session.execute(text(f"UPDATE {table} SET parked_at = NULL WHERE parked_at IS NOT NULL"))


def dead_letter(api: Api, statement: str, **values: object) -> None:
    with api.sessions.begin() as session:
        session.execute(text(statement), values)


def parked(admin: Caller) -> dict[str, str]:
    """Map the key of each dead-lettered item to its kind."""
    found = admin.http.get("/jobs/v1/work/", params={"status": "PARKED"}).json()["objects"]
    assert all(work["why"] and work["since"] for work in found)
    return {work["key"]: work["kind"] for work in found}


def test_what_is_parked_is_listed_with_its_reason_and_taken_up_one_by_one_or_all(
    api: Api, admin: Caller, owner: Caller
) -> None:
    asset, mail = make_asset(owner)["id"], str(new_id())
    job = our_job(api, owner, JobStatus.READY, error_message="broken", attempt=8)
    dead_letter(api, "UPDATE job SET parked_at = now() WHERE id = :id", id=job)
    dead_letter(api, "UPDATE index_mark SET parked_at = now(), error = 'too long' WHERE object_id = :id", id=asset)
    dead_letter(
        api,
        "INSERT INTO mail (id, kind, recipient, parked_at, error) VALUES (:id, 'share', 'a@b.org', now(), 'no such')",
        id=mail,
    )
    assert parked(admin).items() >= {job: "job", asset: "document", mail: "mail"}.items()
    answer = admin.http.post("/jobs/v1/work/retry/", json={"keys": [asset, mail]})
    assert (answer.status_code, answer.json()) == (200, {"retried": {"documents": 1, "mails": 1}})
    assert parked(admin) == {job: "job"}
    assert admin.http.post("/jobs/v1/work/retry/", json={"all_parked": True}).json()["retried"]["jobs"] == 1
    assert parked(admin) == {}


def test_what_is_discarded_is_counted_by_kind_and_listed_no_more(api: Api, admin: Caller, owner: Caller) -> None:
    job = our_job(api, owner, JobStatus.FAILED, error_message="broken")
    answer = admin.http.post("/jobs/v1/work/discard/", json={"keys": [job], "reason": "delivered by hand"})
    assert (answer.status_code, answer.json()) == (200, {"discarded": {"jobs": 1}})
    assert admin.http.post("/jobs/v1/work/discard/", json={"keys": [job], "reason": "again"}).status_code == 409


def test_a_key_that_names_nothing_undoes_the_others_and_says_so(api: Api, admin: Caller, owner: Caller) -> None:
    asset = make_asset(owner)["id"]
    dead_letter(api, "UPDATE index_mark SET parked_at = now(), error = 'too long' WHERE object_id = :id", id=asset)
    for wrong, code in (("1", 409), (str(new_id()), 409), ("²", 404), ("9" * 30, 404)):
        answer = admin.http.post("/jobs/v1/work/retry/", json={"keys": [asset, wrong]})
        assert (wrong, answer.status_code) == (wrong, code)
    assert asset in parked(admin)
    for body in ({}, {"keys": [asset], "all_parked": True}):
        assert admin.http.post("/jobs/v1/work/retry/", json=body).status_code == 400
    assert admin.http.get("/jobs/v1/work/", params={"status": "LOST"}).status_code == 400


def test_a_file_is_explained_and_nothing_outside_of_the_storages(admin: Caller, tmp_path: Path) -> None:
    said = admin.http.get("/jobs/v1/work/explanation/", params={"path": str(tmp_path / "a.mov")}).json()
    assert (said["state"], said["asset_id"]) == ("outside", None)
    for path in ("a.mov", "/mnt/../etc/passwd", "/mnt/a\0b"):
        assert admin.http.get("/jobs/v1/work/explanation/", params={"path": path}).status_code == 400
