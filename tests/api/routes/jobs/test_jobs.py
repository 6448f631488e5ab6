"""Jobs over HTTP: other systems report theirs, people stop and restart ours."""

from typing import Any
from uuid import uuid4

import pytest

from models.core.base import new_id
from models.queues.job import Job, JobStatus
from tests.api.conftest import Api, Caller
from tests.api.routes.catalog.test_assets import make_asset


def post_job(caller: Caller, **fields: Any) -> Any:
    body = {"title": "Send to lab", "type": "CUSTOM", "status": "STARTED", **fields}
    return caller.http.post("/jobs/v1/jobs/", json=body)


def our_job(api: Api, caller: Caller, status: JobStatus, **fields: Any) -> str:
    """A job that Tapeless runs."""
    with api.sessions.begin() as session:
        job = Job(id=new_id(), type="TRANSCODE", title="Proxy", task="transcode.run", status=status, **fields)
        job.created_by = caller.id
        session.add(job)
    return str(job.id)


def test_another_system_reports_its_job_step_by_step(owner: Caller) -> None:
    steps = [{"label": "pack", "status": "IN_PROGRESS"}, {"label": "send", "status": "WAITING"}]
    made = post_job(owner, steps=steps, metadata={"order": 7}, custom_type="lab", progress_total=4)
    assert made.status_code == 201
    job = made.json()
    assert (job["metadata"], job["created_by"], job["custom_type"]) == ({"order": 7}, str(owner.id), "lab")
    assert [step["label"] for step in job["steps"]] == ["pack", "send"]
    assert job["started_at"] is not None
    url = f"/jobs/v1/jobs/{job['id']}/"
    same = {"status": "STARTED", "title": job["title"], "type": "CUSTOM"}
    assert owner.http.patch(url, json={**same, "progress_processed": 1}).json()["progress"] == 25
    step = f"{url}steps/{job['steps'][0]['id']}/"
    done = owner.http.patch(step, json={"label": "pack", "status": "DONE", "message": "packed"}).json()
    assert (done["steps"][0]["status"], done["steps"][0]["message"]) == ("DONE", "packed")
    merged = owner.http.patch(url, params={"merge_metadata": "true"}, json={**same, "metadata": {"box": 1}}).json()
    assert merged["metadata"] == {"order": 7, "box": 1}
    ended = owner.http.patch(url[:-1], json={"status": "FINISHED"}).json()
    assert ended["completed_at"] is not None
    assert owner.http.get(url).json() == ended
    assert owner.http.delete(url).status_code == 204
    assert owner.http.get(url).status_code == 404


def test_jobs_are_seen_by_who_made_them_or_reads_their_asset(admin: Caller, owner: Caller, stranger: Caller) -> None:
    asset = make_asset(owner)["id"]
    job = post_job(owner, object_type="assets", object_id=asset).json()
    url = f"/jobs/v1/jobs/{job['id']}/"
    assert stranger.http.get(url).status_code == 404
    assert stranger.http.get("/jobs/v1/jobs/").json()["total"] == 0
    assert post_job(stranger, object_type="assets", object_id=asset).status_code == 404
    owner.http.put(f"/acls/v1/users/{stranger.id}/acl/assets/{asset}/", json={"permissions": ["read"]})
    assert stranger.http.get(url).status_code == 200
    assert stranger.http.get("/jobs/v1/jobs/", params={"object_id": asset}).json()["total"] == 1
    assert stranger.http.patch(url, json={"status": "FAILED"}).status_code == 403
    assert admin.http.patch(url, json={"status": "FAILED"}).status_code == 200


@pytest.mark.parametrize(
    ("before", "action", "after"),
    [
        ("READY", "ABORT", "ABORTED"),
        ("STARTED", "ABORT", "ABORT_PENDING"),
        ("READY", "PAUSE", "PAUSED"),
        ("PAUSED", "RESUME", "READY"),
        ("FAILED", "RESTART", "READY"),
        ("FINISHED", "ABORT", "FINISHED"),
        ("READY", "RESTART", None),
        ("FINISHED", "PAUSE", None),
        ("READY", "RESUME", None),
    ],
)
def test_people_stop_and_start_what_tapeless_runs(
    api: Api, owner: Caller, before: str, action: str, after: str | None
) -> None:
    job = our_job(api, owner, JobStatus(before), error_message="broken")
    answer = owner.http.put("/jobs/v1/jobs/state/", json={"job_ids": [job], "action": action})
    assert answer.status_code == (200 if after else 409)
    assert owner.http.get(f"/jobs/v1/jobs/{job}/").json()["status"] == (after or before)


def test_a_restarted_job_starts_from_the_beginning(api: Api, owner: Caller) -> None:
    job = our_job(api, owner, JobStatus.FAILED, attempt=3, crashes=2, error_message="x", progress_processed=5)
    owner.http.put("/jobs/v1/jobs/state/", json={"job_ids": [job], "action": "RESTART"})
    with api.sessions() as session:
        row = session.get_one(Job, job)
    assert (row.attempt, row.crashes, row.error_message, row.progress_processed) == (0, 0, None, 0)


def test_nobody_else_says_how_far_tapeless_own_jobs_are(api: Api, owner: Caller) -> None:
    job = our_job(api, owner, JobStatus.STARTED)
    url = f"/jobs/v1/jobs/{job}/"
    same = {"status": "STARTED", "title": "Proxy", "type": "TRANSCODE"}
    assert owner.http.patch(url, json={**same, "priority": 1}).json()["priority"] == 1
    assert owner.http.patch(url, json={**same, "status": "FINISHED"}).status_code == 409
    assert owner.http.delete(url).status_code == 409


def test_priority_is_set_for_many_or_none(owner: Caller, stranger: Caller) -> None:
    mine, other = post_job(owner).json()["id"], post_job(stranger).json()["id"]
    url = "/jobs/v1/jobs/priority/"
    assert owner.http.put(url, json={"job_ids": [mine, other], "priority": 1}).status_code == 404
    assert owner.http.get(f"/jobs/v1/jobs/{mine}/").json()["priority"] == 5
    assert owner.http.put(url, json={"job_ids": [mine], "priority": 1}).json() == {"job_ids": [mine], "priority": 1}
    assert owner.http.put(url, json={"job_ids": [mine], "priority": 11}).status_code == 400


def test_many_jobs_are_changed_and_removed_by_a_query_that_names_them(owner: Caller) -> None:
    parent = post_job(owner).json()["id"]
    children = [post_job(owner, parent_id=parent).json()["id"] for _ in range(2)]
    assert owner.http.get(f"/jobs/v1/jobs/{parent}/").json()["has_children"]
    changed = owner.http.patch("/jobs/v1/jobs/", params={"parent_id": parent}, json={"status": "FAILED"})
    assert changed.status_code == 202
    assert {owner.http.get(f"/jobs/v1/jobs/{job}/").json()["status"] for job in children} == {"FAILED"}
    assert owner.http.delete("/jobs/v1/jobs/").status_code == 400
    assert owner.http.delete("/jobs/v1/jobs/", params={"parent_id": parent}).status_code == 204
    listed = owner.http.get("/jobs/v1/jobs/").json()
    assert [job["id"] for job in listed["objects"]] == [parent]


@pytest.mark.parametrize(
    ("fields", "field"),
    [({"type": "COOKING"}, "type"), ({"status": "DONE"}, "status"), ({"parent_id": "x"}, "parent_id")],
)
def test_a_job_that_reads_wrong_names_its_field(owner: Caller, fields: dict[str, str], field: str) -> None:
    answer = post_job(owner, **fields)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])
    assert post_job(owner, parent_id=str(uuid4())).status_code == 404


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT"])
def test_a_job_is_never_put_on_an_object_or_below_a_job_that_its_maker_does_not_see(
    owner: Caller, stranger: Caller, method: str
) -> None:
    asset, parent = make_asset(owner)["id"], post_job(owner).json()["id"]
    mine = post_job(stranger).json()
    url = "/jobs/v1/jobs/" if method == "POST" else f"/jobs/v1/jobs/{mine['id']}/"
    same = {"title": mine["title"], "type": "CUSTOM", "status": "STARTED"}
    for about in ({"object_type": "assets", "object_id": asset}, {"parent_id": parent}):
        assert stranger.http.request(method, url, json=same | about).status_code == 404
    assert owner.http.get("/jobs/v1/jobs/", params={"object_id": asset}).json()["total"] == 0
    if method != "POST":
        assert stranger.http.request(method, url, json=same | {"object_id": asset}).status_code == 200
        named = stranger.http.request(method, url, json=same | {"object_type": "assets"})
        assert named.status_code == 404, "in two steps neither"
        assert stranger.http.request(method, url, json=same | {"parent_id": mine["id"]}).status_code == 400
