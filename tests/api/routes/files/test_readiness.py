"""Readiness over HTTP: what a folder lacks is answered to administrators, and a signed answer is kept."""

from pathlib import Path

from tests.api.conftest import Api, Caller
from tests.api.routes.files.test_downloads import put_on_disk


def test_a_report_is_answered_signed_off_and_listed(api: Api, admin: Caller, owner: Caller, tmp_path: Path) -> None:
    asset_id, _ = put_on_disk(api, owner, tmp_path / "s", b"a.mov", b"0123456789")
    asked = {"path": str(tmp_path / "s" / "reel"), "level": "complete"}
    answer = admin.http.get("/files/v1/ready/", params=asked)
    assert answer.status_code == 200, answer.text
    report = answer.json()
    assert (report["path"], report["files"]) == (asked["path"], 1)
    signed = admin.http.post("/files/v1/ready/", json=asked)
    assert (signed.status_code, signed.json()["answer"]) == (201, report["answer"])
    kept = admin.http.get("/files/v1/ready/reports/").json()["objects"][0]
    assert (kept["id"], kept["path"], kept["report"]["files"]) == (signed.json()["id"], asked["path"], 1)
    newest = owner.http.get(f"/assets/v1/assets/{asset_id}/history/").json()["objects"][0]
    assert "signed off" in newest["operation_description"]
