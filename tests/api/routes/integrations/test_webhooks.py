"""Webhooks over HTTP, and as iconik's SDK speaks of them."""

from typing import Any
from uuid import uuid4

import pytest
from pythonik.notifications.models.webhook_schema import WebhookSchema
from sqlalchemy import select, update

from models.access.audit_log import AuditEntry
from models.core.timing import Timing
from models.queues.outbox import Webhook, WebhookDelivery
from services.outbound.config import OutboundConfig
from services.outbound.webhook_sender import send_webhooks
from tests.api.conftest import Api, Caller
from tests.api.routes.catalog.test_assets import make_asset

URL = "/notifications/v1/webhooks/"
HOOK = {"url": "https://mam.example.org/hook", "event_type": "assets", "status": "ENABLED"}


@pytest.fixture(autouse=True)
def alone(api: Api) -> Any:
    """Disable the webhooks of each test afterwards."""
    yield
    with api.sessions.begin() as session:
        session.execute(update(Webhook).values(status="DISABLED"))


def post(admin: Caller, **more: Any) -> dict[str, Any]:
    answer = admin.http.post(URL, json={**HOOK, **more})
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_a_secret_is_shown_once_and_headers_never(admin: Caller) -> None:
    made = post(admin, headers={"X-Key": "theirs"})
    assert made["secret"].startswith("whsec_")
    assert made["headers"] == {"X-Key": "********"}
    shown = admin.http.get(f"{URL}{made['id']}/")
    assert "secret" not in shown.json()
    listed = admin.http.get(URL).text
    assert made["secret"] not in shown.text + listed
    assert "theirs" not in shown.text + listed
    renewed = admin.http.post(f"{URL}{made['id']}/secret/").json()
    assert renewed["secret"] not in ("", made["secret"])


@pytest.mark.parametrize("path", ["?token=abc", "/hook?token=abc", "/abc"])
def test_the_audit_log_names_the_host_and_no_secret_of_an_address(api: Api, admin: Caller, path: str) -> None:
    made = post(admin, url=f"https://mam.example.org:8443{path}")
    assert admin.http.delete(f"{URL}{made['id']}/").status_code == 204
    with api.sessions() as session:
        told = session.scalars(select(AuditEntry.description).where(AuditEntry.object_id == made["id"])).all()
    assert len(told) == 2
    assert all("to https://mam.example.org:8443 was" in each and "abc" not in each for each in told)


def test_a_webhook_that_is_read_and_written_back_keeps_its_headers(api: Api, admin: Caller) -> None:
    made = post(admin, headers={"X-Key": "theirs", "X-Old": "o"}, realm="entity")
    shown = admin.http.get(f"{URL}{made['id']}/").json()
    del shown["headers"]["X-Old"]
    written = admin.http.put(f"{URL}{made['id']}/", json={**shown, "description": "night shift"})
    assert written.status_code == 200, written.text
    assert (written.json()["description"], written.json()["realm"]) == ("night shift", "entity")
    with api.sessions() as session:
        assert session.get_one(Webhook, made["id"]).headers == {"X-Key": "theirs"}


def test_the_sdk_reads_what_is_answered(admin: Caller) -> None:
    made = post(admin, name="MAM", operation="create")
    read = WebhookSchema.from_dict(admin.http.get(f"{URL}{made['id']}/").json())
    assert (str(read.id), read.name, read.status.value, read.operation) == (made["id"], "MAM", "ENABLED", "create")


def test_the_log_tells_what_failed_and_what_parked_is_retried(api: Api, admin: Caller, owner: Caller) -> None:
    asset = make_asset(owner)["id"]
    made = post(admin, url="http://localhost:9/hook", object_id=asset)
    owner.http.patch(f"/assets/v1/assets/{asset}/", json={"title": "better"})
    send_webhooks(api.sessions, Timing(), OutboundConfig())
    log = admin.http.get(f"{URL}{made['id']}/deliveries/").json()
    (mine,) = log["objects"]
    assert mine["object_id"] == asset
    assert (mine["status"], mine["tries"]) == ("WAITING", 1)
    assert "private address" in mine["error"]
    assert admin.http.get(f"{URL}{made['id']}/").json()["status"] == "FAILING"
    with api.sessions.begin() as session:
        session.execute(update(WebhookDelivery).values(dead_lettered_at=WebhookDelivery.date_created))
    parked = admin.http.get(f"{URL}{made['id']}/deliveries/", params={"status": "PARKED"}).json()
    assert parked["total"] == log["total"]
    retry = f"{URL}{made['id']}/deliveries/retry/"
    assert admin.http.post(retry, json={"ids": [str(uuid4())]}).json() == {"retried": 0}
    assert admin.http.post(retry).json() == {"retried": log["total"]}
    assert admin.http.get(f"{URL}{made['id']}/deliveries/{mine['id']}/").json()["status"] == "WAITING"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"url": "http://10.0.0.1/"}, "url"),
        ({"url": "file:///etc/passwd"}, "url"),
        ({"event_type": "weather"}, "event_type"),
        ({"status": "LOUD"}, "status"),
        ({"query": "data.size>0"}, "query"),
        ({"headers": {"Content-Length": "1"}}, "headers.Content-Length"),
        ({"headers": {"X": 7}}, "headers.X"),
    ],
)
def test_a_webhook_that_reads_wrong_names_its_field(admin: Caller, fields: dict[str, Any], field: str) -> None:
    answer = admin.http.post(URL, json={**HOOK, **fields})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_hidden_values_of_headers_never_go_to_another_address(api: Api, admin: Caller, method: str) -> None:
    made = post(admin, headers={"X-Key": "theirs"})
    path, moved = f"{URL}{made['id']}/", {**HOOK, "url": "https://elsewhere.example.org/hook"}
    kept = admin.http.request(method, path, json={**moved, "headers": made["headers"]})
    assert (kept.status_code, list(kept.json()["errors"])) == (400, ["headers.X-Key"])
    assert admin.http.request(method, path, json=moved).json()["headers"] == {}
    assert admin.http.request(method, path, json=HOOK | {"headers": {}}).json()["headers"] == {}
    with api.sessions() as session:
        assert session.get_one(Webhook, made["id"]).headers == {}
