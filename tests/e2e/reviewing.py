"""Flows of people and other systems on a running system: approvals with mails and webhooks, renders, storages."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.e2e.system import System
from tests.services.mail_server import Mailbox
from tests.services.media_clips import put
from tests.services.webhook_receiver import Target
from tests.waiting import wait_until

SECONDS = 40.0
PUBLIC_URL = "https://media.example.org"


@dataclass(frozen=True, slots=True)
class Outside:
    """What hears of a system: a mail server and another system."""

    box: Mailbox
    target: Target

    @property
    def environment(self) -> dict[str, str]:
        return {
            "TAPELESS_SMTP_URL": f"smtp+plain://127.0.0.1:{self.box.port}",
            "TAPELESS_SMTP_FROM": "tapeless@example.org",
            "TAPELESS_PUBLIC_URL": PUBLIC_URL,
            "TAPELESS_WEBHOOK_NETWORKS": "127.0.0.0/8",
            "TAPELESS_GROWTH_SECONDS": "1",
        }

    def mails_to(self, address: str) -> list[str]:
        """Subjects of what an address got."""
        pairs = zip(self.box.recipients, self.box.subjects(), strict=False)
        return [subject for recipient, subject in pairs if recipient == address]

    def told(self, event_type: str, operation: str) -> list[dict[str, Any]]:
        """What was delivered of an event."""
        told = [heard.told for heard in list(self.target.heard)]
        return [each for each in told if (each["event_type"], each["operation"]) == (event_type, operation)]

    def hears(self, event_type: str, operation: str, count: int = 1) -> dict[str, Any]:
        """Wait for a delivery, and return the last."""

        def is_there() -> list[dict[str, Any]]:
            found = self.told(event_type, operation)
            return found if len(found) >= count else []

        return wait_until(is_there, what=f"{event_type} {operation} is delivered", seconds=SECONDS)[-1]


def client_of(system: System, email: str) -> httpx.Client:
    """A client with a token of a user."""
    made = system.ask("token", "create", email)
    printed = re.search(r"http://127\.0\.0\.1:\d+/API", system.printed())
    assert printed is not None
    headers = {"App-ID": made["app_id"], "Auth-Token": made["token"]}
    return httpx.Client(base_url=printed[0], headers=headers, timeout=20)


def find_asset(system: System, title: str) -> dict[str, Any]:
    """An asset, once it is there."""

    def found() -> dict[str, Any] | None:
        try:
            shown: dict[str, Any] = system.ask("show", title)
        except AssertionError:
            return None
        return shown

    return wait_until(found, what=f"{title} is an asset", seconds=SECONDS)


def subscribe(system: System, outside: Outside, *words: str) -> None:
    """Add a webhook, by the command."""
    assert "secret: whsec_" in system.run_process("webhook", "add", outside.target.url(), *words)


def review(system: System, root: Path, outside: Outside) -> None:
    """A reviewer is asked by mail and webhook, votes, and the requester hears; then her token is revoked."""
    subscribe(system, outside, "assets", "--realm", "approvals")
    subscribe(system, outside, "assets", "--realm", "votes")
    put(root, "dailies.mov")
    asset = find_asset(system, "dailies")["id"]
    with client_of(system, "admin@localhost") as admin:
        for name, is_admin in (("ada", True), ("rita", False)):
            user = {"email": f"{name}@example.org", "first_name": name.title(), "is_admin": is_admin}
            assert admin.post("/users/v1/users/", json=user).status_code == 201
        rita_id = admin.get("/users/v1/users/", params={"email": "rita@example.org"}).json()["objects"][0]["id"]
        grant = {"permissions": ["read"]}
        assert admin.put(f"/acls/v1/users/{rita_id}/acl/assets/{asset}/", json=grant).is_success
    with client_of(system, "ada@example.org") as ada, client_of(system, "rita@example.org") as rita:
        asked = ada.post(f"/assets/v1/assets/{asset}/approvals/request/", json={"users": [rita_id]})
        assert asked.status_code < 300, asked.text
        assert outside.hears("assets", "create")["details"] == {"status": "REQUESTED"}
        wait_until(lambda: outside.mails_to("rita@example.org"), what="the reviewer has a mail", seconds=SECONDS)
        assert outside.mails_to("rita@example.org") == ['Ada asks for your approval of "dailies"']
        assert rita.put(f"/assets/v1/assets/{asset}/approvals/", json={"status": "APPROVED"}).is_success
        assert outside.hears("assets", "status")["details"] == {"status": "APPROVED", "before": "REQUESTED"}
        wait_until(lambda: outside.mails_to("ada@example.org"), what="the requester has a mail", seconds=SECONDS)
        assert outside.mails_to("ada@example.org") == ['Approved: "dailies"']
        (token,) = [each for each in system.ask("token", "list") if each["user"] == "rita@example.org"]
        system.run("token", "revoke", token["id"])
        assert rita.get("/users/v1/users/current/").status_code == 401


def render(system: System, root: Path, outside: Outside) -> None:
    """A render grows and goes quiet: each with its frames."""
    subscribe(system, outside, "file_sets", "--realm", "entity")
    put(root, *(f"shot/beauty.{frame}.exr" for frame in (1001, 1002, 1003)))
    quiet = outside.hears("file_sets", "quiet")
    assert quiet["text"] == "nothing came for a while: 3 frames, 1001-1003, no holes"
    put(root, *(f"shot/beauty.{frame}.exr" for frame in (1005, 1006)))
    grown = outside.hears("file_sets", "grown")
    assert grown["object_id"] == quiet["object_id"]

    def is_whole() -> bool:
        return any(
            "5 frames, 1001-1003,1005-1006, 1 hole" in each["text"] for each in outside.told("file_sets", "quiet")
        )

    wait_until(is_whole, what="the render is quiet again", seconds=SECONDS)


def come_and_go(system: System, folder: Path) -> None:
    """A storage is added, paused and resumed, its disk goes, it is removed; its assets stay, offline."""
    put(folder, "visitor.mov")
    system.run("storage", "add", str(folder), "--name", "Visit")
    assert find_asset(system, "visitor")["is_online"]
    assert "is paused" in system.run("storage", "pause", "Visit")
    assert "is watched again" in system.run("storage", "resume", "Visit")
    shutil.rmtree(folder)

    def is_missed() -> bool:
        return "is not there" in system.run("storage", "confirm-deletions", "Visit", code=None)

    wait_until(is_missed, what="the watcher misses the folder", seconds=SECONDS)
    assert "stay, offline" in system.run("storage", "remove", "Visit")
    is_offline = lambda: not find_asset(system, "visitor")["is_online"]  # noqa: E731
    wait_until(is_offline, what="its asset is offline", seconds=SECONDS)
    assert "Visit" not in [each["name"] for each in system.ask("storage", "list")]
    assert system.ask("status", code=None)["missing"] == 0
