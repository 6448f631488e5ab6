"""The OpenAPI document: served, correct about status codes, and robust under fuzzing."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import anyio
import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import one_of
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error, status_code_conformance
from schemathesis.schemas import APIOperation

from api.app import create_api
from api.registry import ROUTE_GROUPS
from asgi.context import ApiContext
from asgi.routing import sort_routes
from models.core.sessions import make_engine, make_sessions
from search.postgres.engine import PostgresEngine
from tests.api.answer_checks import openapi_document
from tests.api.conftest import Api, Caller

NOWHERE = make_sessions(make_engine("postgresql+psycopg://nowhere"))
"""Connects only when asked, and the document asks nothing."""
EXAMPLES = 6
SLOW_SECONDS = 2.0
"""No request takes so long, of any content."""
SIGNS_OUT = "/auth/token/"
NAMES = sorted(f"{route.method} {route.url}" for route in sort_routes(ROUTE_GROUPS) if SIGNS_OUT not in route.url)


@cache
def documented_operations() -> dict[str, APIOperation]:
    """The operations of the document that requests are sent to, by method and path."""
    found = (result.ok() for result in schemathesis.openapi.from_dict(openapi_document()).get_all_operations())
    return {f"{each.method.upper()} {each.path}": each for each in found if SIGNS_OUT not in each.path}


def test_the_document_and_the_pages_made_from_it_are_served(api: Api) -> None:
    served = httpx.get(f"{api.root}/API/openapi.json")
    document = served.json()
    assert served.headers["content-encoding"] == "gzip"
    plain = httpx.get(f"{api.root}/API/openapi.json", headers={"Accept-Encoding": "gzip;q=0, identity"})
    assert ("content-encoding" in plain.headers, plain.json()) == (False, document)
    assert document == openapi_document()
    page = httpx.get(f"{api.root}/API/docs")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy + page.text, "nothing comes from elsewhere"
    names = re.findall(r'(?:src|href)="(/[^"]+)"', page.text)
    assert len(names) == 4
    for name in names:
        assert httpx.get(f"{api.root}{name}").status_code == 200, name
    assert httpx.get(f"{api.root}/API/docs/redoc.standalone.js").status_code == 404


def test_the_document_is_built_once_however_many_ask_for_it_first() -> None:
    app = create_api(ApiContext(NOWHERE, PostgresEngine(NOWHERE)))
    built: list[int] = []

    def build() -> dict[str, str]:
        built.append(1)
        return {"openapi": "3.1.0"}

    app.openapi = build  # type: ignore[method-assign]

    async def ask() -> None:
        transport = httpx.ASGITransport(app)
        client = httpx.AsyncClient(transport=transport, base_url="http://x")
        async with client, anyio.create_task_group() as requests:
            for _ in range(20):
                requests.start_soon(client.get, "/API/openapi.json")

    anyio.run(ask)
    assert built == [1]


def test_every_operation_has_its_own_name_and_never_422() -> None:
    operations = [one for path in openapi_document()["paths"].values() for one in path.values()]
    names = [one["operationId"] for one in operations]
    assert len(names) == len(set(names))
    assert all("422" not in one["responses"] for one in operations)


def test_the_document_has_every_route() -> None:
    assert sorted(documented_operations()) == NAMES


NEEDS_MORE_THAN_UNKNOWN_IDS = {
    "DELETE /API/acls/v1/acl/{object_type}/content/": "a collection",
    "PUT /API/acls/v1/acl/{object_type}/": "an object that the caller may change",
    "PUT /API/acls/v1/acl/{object_type}/bulk/": "an object that the caller may change",
    "PUT /API/acls/v1/acl/{object_type}/content/": "a collection",
    "PATCH /API/jobs/v1/jobs/{job_id}/steps/": "a step with an id",
    "POST /API/assets/v1/collections/{collection_id}/subcollections/": "a collection",
    "POST /API/jobs/v1/jobs/": "an object that the job is about",
    "POST /API/jobs/v1/work/retry/": "a key that is no id",
    "POST /API/search/v1/search/": "one of the first pages",
    "POST /API/search/v2/search/": "one of the first pages",
    "POST /API/users/v1/users/": "an unknown group",
}
"""What the request would need for 404."""


def test_what_is_documented_as_not_found_is_not_found(api: Api, admin: Caller) -> None:
    """The example of each body names what does not exist."""
    found, schemas = {}, openapi_document()["components"]["schemas"]
    for name, operation in operations_with_404():
        method, path = name.split(" ")
        body = operation.get("requestBody", {}).get("content", {}).get("application/json")
        schema = re.search(r"(\w+Body)\b", str(body))
        found[name] = admin.http.request(
            method,
            fill_path(path.removeprefix("/API"), operation),
            params={"page": 99_999, "last_id": UNKNOWN, **required_parameters(operation)},
            json=(schemas[schema[1]]["examples"][0] if schema else {}) if body else None,
        ).status_code
    assert {name: status for name, status in found.items() if status != 404} == {}
    assert len(found) > 200


def operations_with_404() -> Iterator[tuple[str, dict[str, Any]]]:
    """The operations that document 404, and give it for unknown ids alone."""
    for path, described in openapi_document()["paths"].items():
        for method, operation in described.items():
            name = f"{method.upper()} {path}"
            if "404" in operation["responses"] and name not in NEEDS_MORE_THAN_UNKNOWN_IDS:
                yield name, operation


UNKNOWN = "01930000-0000-7000-8000-000000000000"


def fill_path(path: str, operation: dict[str, Any]) -> str:
    """The path with ids of nothing; types of objects and the like are those of the examples."""
    for one in operation.get("parameters", ()):
        is_word = one["name"] in ("object_type", "permission", "purpose")
        path = path.replace(f"{{{one['name']}}}", str(one["example"]) if is_word else UNKNOWN)
    return path


def required_parameters(operation: dict[str, Any]) -> dict[str, Any]:
    return {
        one["name"]: one["example"]
        for one in operation.get("parameters", ())
        if one["in"] == "query" and one.get("required")
    }


@pytest.fixture(scope="module")
def shooter(api: Api) -> Caller:
    """An administrator, so that no operation fails for lack of permission."""
    return api.user(is_admin=True)


@pytest.mark.parametrize("name", NAMES)
def test_whatever_is_sent_no_answer_is_a_crash_late_or_another_code_than_documented(
    api: Api, shooter: Caller, name: str
) -> None:
    operation = documented_operations()[name]
    sane, wrong = (operation.as_strategy(generation_mode=mode) for mode in GenerationMode)

    @given(case=one_of(sane, wrong))
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        derandomize=True,
        database=None,
    )
    def shoot(case: Case) -> None:
        headers = {"App-ID": shooter.app_id, "Auth-Token": shooter.token}
        response = case.call(base_url=api.root, headers=headers)
        if response.elapsed > SLOW_SECONDS:  # the machine may have been busy; the request would be slow again
            assert case.call(base_url=api.root, headers=headers).elapsed < SLOW_SECONDS
        is_refusal = response.status_code == 501 and "501" in operation.responses.status_codes
        checks = [] if is_refusal else [not_a_server_error]
        case.validate_response(response, checks=[*checks, status_code_conformance])

    shoot()
