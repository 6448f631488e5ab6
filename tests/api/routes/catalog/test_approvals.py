"""Approvals over HTTP: requested, voted on by the reviewers, counted, withdrawn, and recorded in history."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest

from models.core.timing import Timing
from models.queues.job import Job
from services.approvals.collection_requests import COLLECTION_APPROVALS_JOBS
from tests.api.conftest import Api, Caller
from tests.api.routes.catalog.test_assets import history_of, make_asset
from tests.api.routes.search.test_search import drain_all, find
from tests.api.routes.segments.test_segments import let
from tests.api.routes.segments.test_segments import say as comment


def url_of(asset_id: str, rest: str = "") -> str:
    return f"/assets/v1/assets/{asset_id}/approvals/{rest}"


def ask(caller: Caller, asset_id: str, *users: Caller, **fields: Any) -> dict[str, Any]:
    """Ask these users for their approval."""
    body = {"users": [str(user.id) for user in users], **fields}
    answer = caller.http.post(url_of(asset_id, "request/"), json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def say(caller: Caller, asset_id: str, status: str = "APPROVED") -> int:
    return caller.http.put(url_of(asset_id), json={"status": status}).status_code


def status_of(caller: Caller, asset_id: str) -> str:
    return str(caller.http.get(url_of(asset_id, "request/")).json()["status"])


@pytest.fixture
def asset(owner: Caller) -> str:
    """An asset of the owner's."""
    return str(make_asset(owner, "plate")["id"])


@pytest.fixture
def reviewers(api: Api, owner: Caller, asset: str) -> Sequence[Caller]:
    """Three who only read it."""
    found = [api.user() for _ in range(3)]
    for one in found:
        let(owner, one, asset, "read")
    return found


def test_a_request_is_voted_on_and_all_of_it_is_told(owner: Caller, asset: str, reviewers: Sequence[Caller]) -> None:
    one, other, third = reviewers
    assert status_of(owner, asset) == "N/A"
    made = ask(owner, asset, one, other, min_number=2, externals=["Critic@Example.org"])
    assert (made["status"], made["min_number"], made["externals"]) == ("REQUESTED", 2, ["critic@example.org"])
    assert {each["id"] for each in made["users_info"]} == {str(one.id), str(other.id)}
    assert say(one, asset) == 200
    assert status_of(owner, asset) == "REQUESTED"
    assert one.http.get(url_of(asset, "request/")).json()["user_status"] == "APPROVED"
    assert other.http.get(url_of(asset, "request/")).json()["user_status"] == "REQUESTED"
    assert say(other, asset) == 200
    assert status_of(owner, asset) == "APPROVED"
    assert say(other, asset, "NOT_APPROVED") == 200
    assert status_of(owner, asset) == "MIXED"
    assert say(one, asset, "NOT_APPROVED") == 200
    assert status_of(owner, asset) == "NOT_APPROVED"
    assert third.http.get(url_of(asset, "request/")).json()["user_status"] == "N/A"
    votes = third.http.get(url_of(asset)).json()
    assert {(vote["user"], vote["status"]) for vote in votes["objects"]} == {
        (str(one.id), "NOT_APPROVED"),
        (str(other.id), "NOT_APPROVED"),
    }
    told = history_of(owner, asset)[-5:]
    asked = f"approval was asked for: {one.actor.name}, {other.actor.name}, critic@example.org; 2 must agree"
    assert told[0] == ("CUSTOM", asked)
    assert told[1:] == [
        ("APPROVE", f"{one.actor.name} approved"),
        ("APPROVE", f"{other.actor.name} approved"),
        ("REJECT", f"{other.actor.name} rejected"),
        ("REJECT", f"{one.actor.name} rejected"),
    ]


def test_where_people_are_named_only_they_vote_and_who_may_write_adds_others(
    owner: Caller, admin: Caller, asset: str, reviewers: Sequence[Caller]
) -> None:
    one, other, _ = reviewers
    refused = one.http.put(url_of(asset), json={"status": "APPROVED"})
    assert refused.status_code == 409
    assert "request it first" in refused.json()["errors"][0]
    assert one.http.post(url_of(asset, "request/"), json={}).status_code == 403
    ask(owner, asset, one)
    assert (say(other, asset), say(owner, asset), say(admin, asset)) == (403, 403, 403)
    owner.http.patch(url_of(asset, "request/"), json={"users": [str(one.id), str(admin.id)]})
    assert say(admin, asset) == 200
    assert status_of(other, asset) == "APPROVED"
    ask(owner, asset)
    assert status_of(owner, asset) == "REQUESTED"
    assert (say(one, asset), say(owner, asset), say(admin, asset)) == (403, 200, 200)
    owner.http.patch(url_of(asset, "request/"), json={"users": [str(one.id)]})
    assert status_of(owner, asset) == "REQUESTED", "votes of before, of people who are not named now, count no longer"


def test_members_of_a_named_group_vote(api: Api, owner: Caller, admin: Caller, asset: str) -> None:
    member = api.user()
    let(owner, member, asset, "read")
    group = admin.http.post("/users/v1/groups/", json={"name": f"g {uuid4()}"}).json()["id"]
    ask(owner, asset, groups=[group], min_number=5)
    assert say(member, asset) == 403
    admin.http.post(f"/users/v1/groups/{group}/users/{member.id}/")
    assert say(member, asset) == 200


def test_votes_and_requests_are_withdrawn(owner: Caller, asset: str, reviewers: Sequence[Caller]) -> None:
    one, other, _ = reviewers
    ask(owner, asset, one, other)
    say(one, asset)
    say(other, asset, "NOT_APPROVED")
    assert one.http.delete(url_of(asset, f"user/{other.id}/")).status_code == 403
    assert owner.http.delete(url_of(asset, f"user/{other.id}/")).status_code == 204
    assert status_of(owner, asset) == "APPROVED"
    assert one.http.delete(url_of(asset)).status_code == 204
    assert one.http.delete(url_of(asset)).status_code == 404
    assert owner.http.delete(url_of(asset, "external/nobody@example.org/")).status_code == 404
    assert status_of(owner, asset) == "REQUESTED"
    request = url_of(asset, "request/")
    assert (one.http.delete(request).status_code, owner.http.delete(request).status_code) == (403, 204)
    assert status_of(owner, asset) == "N/A"
    assert say(one, asset) == 409
    for method in ("PUT", "PATCH", "DELETE"):
        assert owner.http.request(method, request, json={}).status_code == 404
    assert owner.http.delete(url_of(asset)).status_code == 404


def test_a_changed_request_keeps_the_votes_of_who_is_still_asked(
    owner: Caller, asset: str, reviewers: Sequence[Caller]
) -> None:
    one, other, third = reviewers
    ask(owner, asset, one, other)
    say(one, asset)
    say(other, asset, "NOT_APPROVED")
    request = url_of(asset, "request/")
    changed = owner.http.patch(request, json={"users": [str(one.id), str(third.id)]}).json()
    assert (changed["status"], [vote["user"] for vote in changed["approvals_by"]]) == ("APPROVED", [str(one.id)])
    assert owner.http.patch(request, json={"min_number": 2}).json()["status"] == "REQUESTED"
    again = owner.http.post(request, json={"users": [str(one.id)]}).json()
    assert (again["status"], again["approvals_by"]) == ("REQUESTED", [])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"min_number": 0}, "min_number"),
        ({"min_number": 2, "externals": ["a@example.org"]}, "min_number"),
        ({"users": [str(UUID(int=1))]}, "users"),
        ({"groups": [str(UUID(int=1))]}, "groups"),
        ({"externals": ["nobody"]}, "externals"),
        ({"externals": ["a@b@c"]}, "externals"),
        ({"users": ["x"]}, "users.0"),
        ({"externals": [f"{n}@example.org" for n in range(101)]}, "externals"),
    ],
)
def test_a_request_that_nobody_could_fulfil_is_refused(
    owner: Caller, asset: str, body: dict[str, Any], field: str
) -> None:
    answer = owner.http.post(url_of(asset, "request/"), json=body)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])
    assert status_of(owner, asset) == "N/A"


def test_a_vote_is_yes_or_no_about_something_that_is_approved(owner: Caller, asset: str) -> None:
    ask(owner, asset)
    for status in ("MIXED", "N/A", "REQUESTED", "MAYBE", None):
        answer = owner.http.put(url_of(asset), json={"status": status})
        assert (answer.status_code, list(answer.json()["errors"])) == (400, ["status"])
    for kind in ("planets", "segments"):
        answer = owner.http.get(f"/assets/v1/{kind}/{asset}/approvals/request/")
        assert (answer.status_code, list(answer.json()["errors"])) == (400, ["object_type"])
    owner.http.delete(f"/assets/v1/assets/{asset}/")
    assert say(owner, asset) == 409


def test_an_approval_is_of_a_version(owner: Caller, asset: str) -> None:
    ask(owner, asset)
    say(owner, asset)
    there = f"/assets/v1/assets/{asset}/versions/{asset}/approvals/"
    assert owner.http.get(f"{there}request/").json()["status"] == "APPROVED"
    assert owner.http.get(there).json()["total"] == 1
    assert owner.http.get(there.replace(f"versions/{asset}", f"versions/{uuid4()}")).status_code == 404


def test_many_are_set_and_taken_back_at_once_or_not_at_all(owner: Caller, stranger: Caller) -> None:
    ids = [make_asset(owner, f"clip {number}")["id"] for number in range(3)]
    ask(owner, ids[0], owner, min_number=1)
    body = {"object_ids": [*ids, ids[0]], "object_type": "assets", "status": "NOT_APPROVED"}
    let(owner, stranger, ids[0], "read")
    assert stranger.http.post("/assets/v1/approvals/bulk/", json=body).status_code in (403, 404)
    unknown = {**body, "object_ids": [*ids, str(uuid4())]}
    assert owner.http.post("/assets/v1/approvals/bulk/", json=unknown).status_code == 404
    assert [status_of(owner, each) for each in ids] == ["REQUESTED", "N/A", "N/A"]
    assert owner.http.post("/assets/v1/approvals/bulk/", json={**body, "status": "MIXED"}).status_code == 400
    assert owner.http.post("/assets/v1/approvals/bulk/", json=body).status_code == 200
    assert {status_of(owner, each) for each in ids} == {"NOT_APPROVED"}
    assert history_of(owner, ids[1])[-1] == ("REJECT", f"{owner.actor.name} rejected")
    assert owner.http.post("/assets/v1/approvals/bulk_remove/", json=body).status_code == 200
    assert {status_of(owner, each) for each in ids} == {"N/A"}


def test_a_request_that_names_nobody_stays_open_when_one_of_many_sets_it(
    owner: Caller, asset: str, reviewers: Sequence[Caller]
) -> None:
    ask(owner, asset, min_number=2)
    let(owner, reviewers[0], asset, "read", "write")
    body = {"object_ids": [asset], "object_type": "assets", "status": "APPROVED"}
    assert owner.http.post("/assets/v1/approvals/bulk/", json=body).status_code == 200
    assert say(reviewers[0], asset) == 200
    assert status_of(owner, asset) == "APPROVED"


def test_two_who_vote_at_once_both_count(owner: Caller, asset: str, reviewers: Sequence[Caller]) -> None:
    for _ in range(5):
        ask(owner, asset, *reviewers, min_number=3)
        start = threading.Barrier(len(reviewers))

        def at_once(voter: Caller, start: threading.Barrier = start) -> int:
            start.wait(10)
            return say(voter, asset)

        with ThreadPoolExecutor(len(reviewers)) as pool:
            assert list(pool.map(at_once, reviewers)) == [200] * len(reviewers)
        assert status_of(owner, asset) == "APPROVED"


def test_a_vote_and_the_end_of_its_request_never_leave_half_of_either(owner: Caller, asset: str) -> None:
    for _ in range(5):
        ask(owner, asset, owner)
        with ThreadPoolExecutor(2) as pool:
            voted = pool.submit(say, owner, asset)
            ended = pool.submit(lambda: owner.http.delete(url_of(asset, "request/")).status_code)
        assert (voted.result() in (200, 409), ended.result()) == (True, 204)
        assert (status_of(owner, asset), owner.http.get(url_of(asset)).json()["total"]) == ("N/A", 0)


def test_the_status_is_in_lists_hits_criteria_and_facets(api: Api, owner: Caller) -> None:
    word = f"w{uuid4().hex}"
    approved, asked, plain = (make_asset(owner, f"{word} {number}")["id"] for number in range(3))
    ask(owner, approved)
    say(owner, approved)
    ask(owner, asked)
    comment(owner, plain, f"q{word}")
    drain_all(api)
    rows = {one["id"]: one for one in owner.http.get("/assets/v1/assets/").json()["objects"]}
    assert [rows[each]["approval"]["status"] for each in (approved, asked, plain)] == ["APPROVED", "REQUESTED", "N/A"]
    assert [rows[each]["comments_count"] for each in (approved, asked, plain)] == [0, 0, 1]
    term = {"operator": "AND", "terms": [{"name": "approval_status", "value": "APPROVED"}]}
    found = find(owner, {"query": word, "filter": term, "facets": ["approval_status"]})
    assert [hit["id"] for hit in found["objects"]] == [approved]
    assert found["objects"][0]["approval_status"] == found["objects"][0]["approval"]["status"] == "APPROVED"
    buckets = find(owner, {"query": word, "facets": ["approval_status"]})["facets"]["approval_status"]["buckets"]
    assert buckets == [{"key": each, "doc_count": 1} for each in ("APPROVED", "N/A", "REQUESTED")]
    assert [hit["id"] for hit in find(owner, {"query": f"q{word}"})["objects"]] == [plain]


def test_a_collection_is_asked_for_with_all_that_its_requester_may_write(
    api: Api, owner: Caller, stranger: Caller
) -> None:
    made = [owner.http.post("/assets/v1/collections/", json={"title": "outer"}).json()]
    inner = {"title": "inner", "parent_id": made[0]["id"]}
    made.append(owner.http.post("/assets/v1/collections/", json=inner).json())
    mine = [make_asset(owner, f"clip {number}")["id"] for number in range(3)]
    theirs = make_asset(stranger, "read only")["id"]
    let(stranger, owner, theirs, "read")
    for place, each in ((0, mine[0]), (1, mine[1]), (1, mine[2]), (0, theirs)):
        body = {"object_id": each, "object_type": "assets"}
        assert owner.http.post(f"/assets/v1/collections/{made[place]['id']}/contents/", json=body).status_code == 201
    url = f"/assets/v1/collections/{made[0]['id']}/approvals/"
    answer = owner.http.post(f"{url}request/", json={"users": [str(owner.id)]})
    assert answer.status_code == 202
    assert owner.http.get(f"{url}request/").json()["status"] == "REQUESTED"
    COLLECTION_APPROVALS_JOBS.run(api.sessions, [UUID(answer.json()["job_id"])], Timing())
    job = owner.http.get(f"/jobs/v1/jobs/{answer.json()['job_id']}/").json()
    assert (job["status"], job["type"], job["message"]) == ("FINISHED", "REQUEST_APPROVAL", "3 assets asked for")
    assert [status_of(owner, each) for each in (*mine, theirs)] == ["REQUESTED"] * 3 + ["N/A"]
    assert owner.http.put(url, json={"status": "APPROVED"}).status_code == 200
    assert owner.http.get(f"{url}request/").json()["status"] == "APPROVED"
    drain_all(api)
    hit = find(owner, {"doc_types": ["collections"], "query": "outer"})["objects"][0]
    assert hit["approval_status"] == "APPROVED"


def test_a_job_of_requests_that_breaks_is_given_back_with_its_reason(api: Api, owner: Caller) -> None:
    holder = owner.http.post("/assets/v1/collections/", json={"title": "holder"}).json()["id"]
    body = {"object_id": make_asset(owner)["id"], "object_type": "assets"}
    owner.http.post(f"/assets/v1/collections/{holder}/contents/", json=body)
    made = owner.http.post(f"/assets/v1/collections/{holder}/approvals/request/", json={"users": [str(owner.id)]})
    job_id = UUID(made.json()["job_id"])
    with api.sessions.begin() as session:
        session.get_one(Job, job_id).arguments = {}
    with pytest.raises(KeyError):
        COLLECTION_APPROVALS_JOBS.run(api.sessions, [job_id], Timing())
    with api.sessions() as session:
        job = session.get_one(Job, job_id)
        assert (job.lease_owner, job.error_message) == (None, "KeyError: 'users'")


def test_a_request_names_those_who_are_asked_and_cannot_look(
    api: Api, owner: Caller, asset: str, reviewers: Sequence[Caller]
) -> None:
    blind, boss = api.user(), api.user(is_admin=True)
    made = ask(owner, asset, reviewers[0], blind, boss)
    assert made["users_without_read"] == [str(blind.id)]
    assert say(blind, asset) == 404
    let(owner, blind, asset, "read")
    assert owner.http.get(url_of(asset, "request/")).json()["users_without_read"] == []
    assert say(blind, asset) == 200
