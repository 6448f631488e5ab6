"""Work that is put into a system over the API of either version, and the traces that it has to leave."""

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from tests.waiting import wait_until

ENDED = {"FINISHED", "FINISHED_WITH_WARNING", "FAILED", "ABORTED"}
SHARE_FLAGS = {
    "allow_approving_comments": False,
    "allow_comments": True,
    "allow_download": True,
    "allow_setting_approve_status": False,
}


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Objects that all work refers to."""

    field: str
    view: str
    reviewer: str


@dataclass(frozen=True, slots=True)
class Work:
    """What one call of `put_work` asked for."""

    word: str
    assets: tuple[str, ...]
    job: str
    """The job that writes metadata of many assets."""
    mail: str
    """The recipient of a share."""
    collection: str


@dataclass(frozen=True, slots=True)
class Side:
    """The API of one version."""

    http: httpx.Client

    def ask(self, method: str, path: str, json: object = None, **params: Any) -> Any:
        """Send a request that has to succeed, and return the answer."""
        answer = self.http.request(method, path, json=json, params=params)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def find(self, query: str) -> dict[str, str]:
        """Search assets; return titles by id."""
        answer = self.ask("POST", "/search/v1/search/", {"query": query, "doc_types": ["assets"]}, per_page=1000)
        return {hit["id"]: hit["title"] for hit in answer["objects"]}

    def job(self, job_id: str) -> dict[str, Any]:
        """Return a job once it has ended."""

        def ended() -> dict[str, Any] | None:
            job: dict[str, Any] = self.ask("GET", f"/jobs/v1/jobs/{job_id}/")
            return job if job["status"] in ENDED else None

        return wait_until(ended, what=f"job {job_id} ended", seconds=30)

    def make_vocabulary(self, reviewer: str) -> Vocabulary:
        """Create a metadata field with a view."""
        field = "scene"
        self.ask("POST", "/metadata/v1/fields/", {"name": field, "label": "Scene", "field_type": "string"})
        view = self.ask("POST", "/metadata/v1/views/", {"name": "Logging", "view_fields": [{"name": field}]})
        return Vocabulary(field, view["id"], reviewer)

    def subscribe(self, url: str) -> None:
        """Create a webhook for all changes of assets."""
        self.ask("POST", "/notifications/v1/webhooks/", {"url": url, "event_type": "assets", "status": "ENABLED"})

    def put_work(self, word: str, assets: Sequence[str], known: Vocabulary) -> Work:
        """Comment, describe, share, collect and request approval of assets; `word` is in all that is written."""
        first, *_ = assets
        self.ask(
            "POST",
            f"/assets/v1/assets/{first}/segments/",
            {"segment_type": "COMMENT", "segment_text": f"{word} spoken"},
        )
        values = {"metadata_values": {known.field: {"field_values": [{"value": f"{word} written"}]}}}
        job = self.ask("PUT", f"/metadata/v1/assets/views/{known.view}/", {**values, "object_ids": list(assets)})
        self.ask("PATCH", f"/assets/v1/assets/{first}/", {"external_id": f"{word} number"})
        mail = f"{word}@example.org"
        self.ask("POST", f"/assets/v1/assets/{first}/shares/", {**SHARE_FLAGS, "emails": [mail]})
        self.ask("POST", f"/assets/v1/assets/{first}/approvals/request/", {"users": [known.reviewer]})
        collection = self.ask("POST", "/assets/v1/collections/", {"title": f"{word} reel"})["id"]
        for asset in assets:
            content = {"object_id": asset, "object_type": "assets"}
            self.ask("POST", f"/assets/v1/collections/{collection}/contents/", content)
        return Work(word, tuple(assets), job["job_id"], mail, collection)

    def request_rendition(self, asset: str) -> str:
        """Request a rendition of an asset's first format; return the job's id."""
        (form,) = self.ask("GET", f"/files/v1/assets/{asset}/formats/")["objects"]
        return self.ask("POST", f"/transcode/v1/assets/{asset}/formats/{form['id']}/", {"profile": "web"})["id"]

    def request_scan(self, storage: str) -> str:
        """Send a trigger over HTTP; return the job's id."""
        return self.ask("POST", "/trigger/v1/scan/", {"id": str(uuid.uuid4()), "storage": storage})["id"]


@contextmanager
def open_side(port: int, login: dict[str, str]) -> Iterator[Side]:
    """Wait for the API on a port, and log in."""
    root = f"http://127.0.0.1:{port}"
    headers = {"App-ID": login["app_id"], "Auth-Token": login["token"]}
    with httpx.Client(base_url=f"{root}/API", headers=headers, timeout=30) as http:
        wait_until(lambda: _answers(http, root), what=f"{root} answers", seconds=60)
        yield Side(http)


def _answers(http: httpx.Client, root: str) -> bool:
    try:
        return http.get(f"{root}/health").status_code == 200
    except httpx.TransportError:
        return False
