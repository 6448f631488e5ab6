"""Each page of the API has requests that work as they are written, with the answers that it shows."""

from collections.abc import Callable, Mapping

import pytest

from api.descriptions.services import SERVICE_DESCRIPTIONS
from models.core.base import new_id
from tests.api.conftest import Api, Caller
from tests.api.documented_examples import Placeholders, read_examples
from tests.api.routes.search.test_search import drain_all
from tests.api.world.islands import make_island
from tests.web.test_share_playback import make_clip

ASSET, FORMAT = "01930000-0000-7000-8000-00000000000a", "01930000-0000-7000-8000-00000000000f"
STORAGE, JOB = "01930000-0000-7000-8000-00000000000c", "01930000-0000-7000-8000-000000000002"


def clip(api: Api, caller: Caller) -> dict[str, str]:
    made = make_clip(api, caller)
    return {ASSET: made.asset_id, FORMAT: str(made.source_id)}


def storage(api: Api, _caller: Caller) -> dict[str, str]:
    with api.sessions.begin() as session:
        return {STORAGE: str(make_island(session).storage_id), JOB: str(new_id())}


MADE_BEFORE: Mapping[str, Callable[[Api, Caller], dict[str, str]]] = {"transcode": clip, "trigger": storage}
"""What no request makes."""


@pytest.mark.parametrize("service", SERVICE_DESCRIPTIONS)
def test_the_requests_of_a_page_are_answered_as_it_says(api: Api, admin: Caller, service: str) -> None:
    known = Placeholders(MADE_BEFORE[service](api, admin) if service in MADE_BEFORE else {})
    examples = list(read_examples(service))
    assert len(examples) >= 2
    for one in examples:
        if "/search/" in one.url:
            drain_all(api)
        url, body = known.fill(one.url).removeprefix("/API"), known.fill(one.body).encode()
        answer = admin.http.request(one.method, url, content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == one.status, f"{one.method} {one.url}: {answer.text}"
        wrong = list(known.differences(one.answer, answer.json())) if one.answer is not None else []
        assert wrong == [], f"{one.method} {one.url}: {answer.text[:2000]}"
