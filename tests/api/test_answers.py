"""The OpenAPI document says what each operation answers; every answer of the API's tests is checked against it."""

import json
import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any, get_args, get_type_hints

import httpx
import pytest

from api.descriptions.body_examples import BODY_EXAMPLES
from api.descriptions.field_examples import FIELD_EXAMPLES
from api.descriptions.fields import FIELD_DESCRIPTIONS
from api.descriptions.services import SERVICE_DESCRIPTIONS
from api.examples import SCALAR_EXAMPLES
from api.openapi import CONSTANT_MARK, EXTENSION_MARK
from api.registry import ROUTE_GROUPS
from asgi.body_base import Body
from asgi.routing import sort_routes
from tests.api.answer_checks import openapi_document, validator_of, wrong_with
from tests.api.policies.registry import POLICIES

PLACEHOLDER = re.compile(r"\{[^}]*\}")


@cache
def operations() -> dict[str, dict[str, Any]]:
    """The operations of the document by method and path; made by those who ask, as every worker imports this module."""
    return {
        f"{method.upper()} {path}": operation
        for path, described in openapi_document()["paths"].items()
        for method, operation in described.items()
    }


def declares_nothing(schema: dict[str, Any]) -> bool:
    """Whether a schema allows any JSON, or any object."""
    known = openapi_document()["components"]["schemas"]
    shown = known[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    listed = shown.get("properties", {}).get("objects", {"items": {"type": "object", "properties": {}}})["items"]
    is_open = shown.get("additionalProperties") is True and "properties" not in shown
    return is_open or not shown.keys() - {"title", "description"} or not listed


def undeclared(operation: dict[str, Any]) -> list[str]:
    """The success statuses of an operation whose body could be anything."""
    successes = {status: one for status, one in operation["responses"].items() if status.startswith("2")}
    schemas = [
        (status, part["schema"]) for status, one in successes.items() for part in one.get("content", {}).values()
    ]
    return [status for status, schema in schemas if declares_nothing(schema)]


def test_every_operation_declares_what_it_answers() -> None:
    assert {name: found for name, one in operations().items() if (found := undeclared(one))} == {}


def test_every_operation_has_a_summary_and_the_tag_of_a_described_service() -> None:
    assert all(one["summary"] for one in operations().values())
    assert {tag for one in operations().values() for tag in one["tags"]} == SERVICE_DESCRIPTIONS.keys()


def fields() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every parameter and property: where, its name, and how it is described."""
    for name, operation in operations().items():
        yield from ((name, one["name"], one) for one in operation.get("parameters", ()))
    for name, schema in openapi_document()["components"]["schemas"].items():
        yield from ((name, key, one) for key, one in schema.get("properties", {}).items())


def test_every_parameter_and_property_is_described_in_more_than_a_word_or_two() -> None:
    described = {f"{where}.{name}": one.get("description", "") for where, name, one in fields()}
    assert sorted(name for name, text in described.items() if len(text.split()) < 3) == []


def test_every_description_describes_a_field() -> None:
    assert sorted(FIELD_DESCRIPTIONS.keys() - names_of_fields()) == []


def names_of_fields() -> set[str]:
    """The names of all fields, alone and with what they are fields of."""
    return {known for where, name, _ in fields() for known in (name, f"{where}.{name}", f"parameter.{name}")}


def examples() -> Iterator[tuple[str, dict[str, Any], Any]]:
    """Every example of a parameter and of a schema: where, of what, and the example."""
    for name, operation in operations().items():
        yield from ((f"{name} {one['name']}", one["schema"], one["example"]) for one in operation.get("parameters", ()))
    for name, schema in openapi_document()["components"]["schemas"].items():
        for one in schema.get("examples", ()):
            yield name, {"$ref": f"#/components/schemas/{name}"}, one


def test_every_example_is_what_its_schema_says() -> None:
    faults = [
        f"{where}: {'.'.join(map(str, error.instance_path))}: {error.message[:200]}"
        for where, schema, example in examples()
        for error in validator_of(json.dumps(schema, sort_keys=True)).iter_errors(example)
    ]
    assert faults == []


def test_every_object_has_an_example_in_plain_words() -> None:
    """A text without an example of its own would be `text`."""
    schemas = openapi_document()["components"]["schemas"]
    bodies = {name for name in schemas if name.endswith("Body")}
    assert bodies == BODY_EXAMPLES.keys()
    assert [name for name, one in schemas.items() if "properties" in one and not one.get("examples")] == []
    assert (
        sorted({where for where, _, example in examples() if f'"{SCALAR_EXAMPLES["string"]}"' in json.dumps(example)})
        == []
    )


def test_the_server_accepts_the_example_of_every_body() -> None:
    """Its checks are more than its schema says."""
    checked = set()
    for route in sort_routes(ROUTE_GROUPS):
        for kind in get_type_hints(route.endpoint).values():
            for body in [kind, *get_args(kind)]:
                if isinstance(body, type) and issubclass(body, Body):
                    body.model_validate(BODY_EXAMPLES[body.__name__])
                    checked.add(body.__name__)
    assert len(checked) > 80


def test_every_example_of_a_field_is_used() -> None:
    assert sorted(FIELD_EXAMPLES.keys() - names_of_fields()) == []


def operations_of_iconik() -> set[tuple[str, str, str]]:
    """Service, method and path of every operation in iconik's SDK."""
    found = set()
    for service in files("pythonik").iterdir():
        modules = service.joinpath("api")
        for module in modules.glob("*/*.py") if modules.is_dir() else ():  # type: ignore[attr-defined]
            called = re.search(r'"method": "(\w+)",\s*"url": "([^"]+)"', module.read_text())
            if called:
                found.add((service.name, called[1].upper(), PLACEHOLDER.sub("{}", called[2]).rstrip("/")))
    return found


def test_what_iconik_does_not_have_is_marked_as_an_extension() -> None:
    theirs = operations_of_iconik()
    extensions = set()
    for name in operations():
        method, _, path = name.partition(" /API/")
        service, _, rest = path.partition("/")
        if (service, method, PLACEHOLDER.sub("{}", f"/{rest}").rstrip("/")) not in theirs:
            extensions.add(name)
    assert {name for name, one in operations().items() if one.get(EXTENSION_MARK)} == extensions


def test_operations_that_only_answer_constants_are_marked() -> None:
    assert {name for name, one in operations().items() if one.get(CONSTANT_MARK)} == {
        "DELETE /API/assets/v1/assets/{asset_id}/history/{history_entity_id}/",
        "PUT /API/acls/v1/shares/{share_id}/acl/{object_type}/{object_key}/",
    }


ANSWERED_BY_OTHER_TESTS = {
    "GET files/v1/assets/{asset_id}/files/{file_id}/download_url/",
    "GET files/v1/assets/{asset_id}/formats/{format_id}/download_url/",
    "GET files/v1/downloads/{ticket}/",
    "GET files/v1/pictures/{ticket}/",
    "GET files/v1/playback/{ticket}/",
    "GET files/v1/ready/",
    "POST assets/v1/assets/{asset_id}/grouping/undo/",
    "POST assets/v1/assets/{asset_id}/segments/captions/",
    "POST assets/v1/shares/auth/login/",
    "POST assets/v1/shares/{share_id}/magic_link/validate/",
    "POST auth/v1/auth/simple/login/",
    "POST files/v1/files/storages/{storage_id}/",
    "POST files/v1/ready/",
    "POST files/v1/storages/",
    "POST jobs/v1/work/discard/",
}
"""They need files on a disk, an earlier change, or a secret that no role of the matrix has."""
NEVER_SUCCEEDS = {"DELETE assets/v1/assets/{asset_id}/history/{history_entity_id}/"}


def test_the_matrix_gets_a_success_from_every_other_operation() -> None:
    answered = {
        name
        for name, policy in POLICIES.items()
        if any(code.startswith("2") for code in (*policy.codes.split(), str(policy.nobody), str(policy.guest)))
    }
    assert POLICIES.keys() - answered == ANSWERED_BY_OTHER_TESTS | NEVER_SUCCEEDS


def answer(method: str, path: str, status: int, body: Any, media_type: str = "application/json") -> httpx.Response:
    content = json.dumps(body).encode() if body is not None else b""
    request = httpx.Request(method, f"http://here/API{path}")
    return httpx.Response(status, content=content, headers={"content-type": media_type}, request=request)


APP = {
    "id": "00000000-0000-0000-0000-000000000001",
    "name": "a",
    "description": "",
    "default_user_id": "00000000-0000-0000-0000-000000000002",
    "date_created": "2024-01-02T03:04:05.123456+00:00",
    "date_modified": "2024-01-02T03:04:05.123456+00:00",
}
SIGN_OUT = "/auth/v1/auth/token/"


@pytest.mark.parametrize(
    ("response", "wrong"),
    [
        (answer("POST", "/auth/v1/apps/", 201, APP), ""),
        (answer("POST", "/auth//v1/apps", 201, APP), ""),
        (answer("POST", "/auth/v1/apps/", 201, {**APP, "more": 1}), "more"),
        (answer("POST", "/auth/v1/apps/", 201, {**APP, "id": 7}), "id"),
        (answer("POST", "/auth/v1/apps/", 201, {**APP, "id": "seven"}), "id"),
        (answer("POST", "/auth/v1/apps/", 201, {**APP, "date_created": "yesterday"}), "date_created"),
        (answer("POST", "/auth/v1/apps/", 201, {"id": APP["id"]}), "required"),
        (answer("POST", "/auth/v1/apps/", 200, APP), "200 is not documented"),
        (answer("POST", "/auth/v1/apps/", 201, None), "no body"),
        (answer("DELETE", SIGN_OUT, 204, None), ""),
        (answer("DELETE", SIGN_OUT, 204, {}), "a body"),
        (answer("DELETE", SIGN_OUT, 401, {"errors": ["no"], "request_id": "1"}), ""),
        (answer("DELETE", SIGN_OUT, 401, {"detail": "no"}), "detail"),
        (answer("GET", f"/assets/v1/assets/{APP['id']}/segments/csv/", 200, "a", "text/csv; charset=utf-8"), ""),
        (answer("GET", f"/assets/v1/assets/{APP['id']}/segments/csv/", 200, "a", "text/html"), "text/html"),
    ],
)
def test_the_check_finds_what_the_document_does_not_describe(response: httpx.Response, wrong: str) -> None:
    found = list(wrong_with(response))
    assert bool(found) == bool(wrong)
    assert wrong in " ".join(found)
