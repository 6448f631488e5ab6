"""Triggers over HTTP: the answer is the job, and a repeat with the same id changes nothing."""

from typing import Any
from uuid import uuid4

import pytest

from models.catalog.storage import Storage
from models.core.base import new_id
from models.core.timing import Timing
from models.queues.notify import leave_to_beat
from services.triggers.runner import TriggerEnvironment, trigger_jobs
from tests.api.conftest import Api, Caller

URL = "/trigger/v1/scan/"


def test_a_trigger_is_a_job_of_who_asked_and_a_repeat_is_the_same_one(owner: Caller) -> None:
    body = {"id": str(uuid4()), "storage": "Rushes"}
    first = owner.http.post(URL, json=body)
    assert (first.status_code, first.json()["id"], first.json()["status"]) == (201, body["id"], "READY")
    assert first.json()["created_by"] == str(owner.id)
    again = owner.http.post(URL, json=body)
    assert (again.status_code, again.json()["id"]) == (200, body["id"])
    assert owner.http.post(URL, json={**body, "storage": "Other"}).status_code == 409


def test_somebody_else_s_id_tells_nothing(owner: Caller, stranger: Caller) -> None:
    body = {"id": str(uuid4()), "storage": "Rushes"}
    owner.http.post(URL, json=body)
    assert stranger.http.post(URL, json=body).status_code == 409
    assert stranger.http.get(f"/jobs/v1/jobs/{body['id']}/").status_code == 404


def test_it_runs_with_the_rights_of_who_asked(api: Api, admin: Caller, stranger: Caller) -> None:
    with api.sessions.begin() as session:
        storage = Storage(id=new_id(), name=uuid4().hex, root=f"/nowhere/{uuid4()}".encode())
        session.add(storage)
    body = {"storage": str(storage.id)}
    mine, theirs = (caller.http.post(URL, json=body).json()["id"] for caller in (admin, stranger))
    trigger_jobs(TriggerEnvironment(), leave_to_beat).run(api.sessions, [mine, theirs], Timing())
    assert admin.http.get(f"/jobs/v1/jobs/{mine}/").json()["status"] == "STARTED"
    refused = stranger.http.get(f"/jobs/v1/jobs/{theirs}/").json()
    assert (refused["status"], refused["error_message"]) == ("FAILED", f"storage {storage.id} does not exist")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "arguments"),
        ({"storage": 7}, "storage"),
        ({"storage": "x", "as_user": "admin"}, "as_user"),
        ({"storage": "x", "id": "mine"}, "id"),
        ({"storage": "a\0b"}, "arguments"),
    ],
)
def test_arguments_that_read_wrong_name_their_field(owner: Caller, body: dict[str, Any], field: str) -> None:
    answer = owner.http.post(URL, json=body)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])


def test_a_trigger_that_there_is_not_is_missing(owner: Caller) -> None:
    answer = owner.http.post("/trigger/v1/explode/", json={})
    assert (answer.status_code, "known are" in answer.text) == (404, True)
