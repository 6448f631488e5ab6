"""What two users of the API do meanwhile: an editor who may do everything, and a reader who is given assets and loses
them. Each step picks its asset by a number, so that it means something in a shorter list of steps as well."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.faults.mix.api_client import ApiClient
from tests.faults.mix.client_log import ClientLog, Entry, Outcome, Sighting, now
from tests.faults.mix.steps import Planned

FIELDS = ("mix_note", "mix_scene")
EDITOR_ACTIONS = {
    **{"create": 2, "title": 3, "value": 4, "comment": 3, "uncomment": 2, "ask approval": 2, "vote": 2},
    **{"share": 2, "revoke": 2, "grant": 4, "take away": 3, "delete": 2, "restore": 2, "split": 1, "merge": 1},
    "undo": 1,
}
"""Actions of the editor by how often they are planned."""
READER_ACTIONS = {"search": 5, "remark": 3, "opinion": 2}
IMPATIENT_SHARE = 0.1
"""Of the writes that have no key and are not repeated: their outcome may stay unknown."""
LISTED = 60
LINK_PATH = "assets/v1/shares/auth/login/"


def plan_client(rng: random.Random, actions: dict[str, int], count: int) -> list[Planned]:
    """Return so many steps of a client."""
    chosen = rng.choices(list(actions), list(actions.values()), k=count)
    return [
        (action, {"pick": rng.randrange(10_000), "number": rng.randrange(10**9), "key": rng.random() > IMPATIENT_SHARE})
        for action in chosen
    ]


@dataclass(slots=True)
class ClientAct:
    """One step as its action needs it."""

    pick: int
    number: int
    key: bool


@dataclass(slots=True)
class Clients:
    """Both users; each acts in one thread, so that what one of them wrote last is known."""

    editor: ApiClient
    reader: ApiClient
    log: ClientLog
    comments: dict[str, str] = field(default_factory=dict)
    """Assets by the comments that were made on them."""
    shares: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Asset and secret of the link by share."""
    regrouped: list[str] = field(default_factory=list)
    """Assets of which an operation can be undone."""

    def perform(self, action: str, args: dict[str, Any]) -> None:
        """Do one step; where there is nothing to do it with, nothing is done."""
        CLIENT_STEPS[action](self, ClientAct(**args))

    def list_assets(self, client: ApiClient, queue: str = "assets") -> list[dict[str, Any]]:
        """The newest assets that a client may read."""
        answer = client.read(f"assets/v1/{queue}/?per_page={LISTED}")
        return answer.json()["objects"] if answer is not None and answer.is_success else []

    def pick_asset(
        self, act: ClientAct, client: ApiClient | None = None, queue: str = "assets"
    ) -> dict[str, Any] | None:
        """The asset that a step is about."""
        found = self.list_assets(client or self.editor, queue)
        return found[act.pick % len(found)] if found else None

    def open_link(self, share: str) -> dict[str, str] | None:
        """The headers of a guest who followed a share's link; None where it is refused."""
        answer = self.reader.read(LINK_PATH, "POST", {"hash": self.shares[share][1]})
        if answer is None or not answer.is_success:
            return None
        return {"App-ID": answer.json()["app_id"], "Auth-Token": answer.json()["token"]}


def create(clients: Clients, act: ClientAct) -> None:
    title = f"draft {act.number}"
    entry, made = clients.editor.write("create", "POST", "assets/v1/assets/", {"title": title}, key=act.key)
    clients.log.promise(("made", title), 1, entry)
    if made is not None:
        entry.asset = made["id"]
        clients.log.promise(("title", made["id"]), title, entry)
        clients.log.promise(("status", made["id"]), "ACTIVE", entry)


def change_title(clients: Clients, act: ClientAct) -> None:
    if asset := clients.pick_asset(act):
        title = f"{asset['title'].split(' / ')[0]} / {act.number}"
        entry, made = write(clients.editor, "title", "PATCH", asset, "", {"title": title}, act)
        entry.asset = made["id"] if made else asset["id"]
        clients.log.promise(("title", entry.asset), title, entry)


def set_value(clients: Clients, act: ClientAct) -> None:
    if asset := clients.pick_asset(act):
        name, value = FIELDS[act.number % len(FIELDS)], f"value {act.number}"
        body = {"metadata_values": {name: {"field_values": [{"value": value}]}}}
        path = f"metadata/v1/assets/{asset['id']}/"
        entry, made = clients.editor.write("value", "PUT", path, body, asset=asset["id"], key=act.key)
        entry.asset = made["object_id"] if made else asset["id"]
        clients.log.promise(("value", entry.asset, name), value, entry)


def comment(clients: Clients, act: ClientAct, client: ApiClient | None = None) -> None:
    client = client or clients.editor
    if asset := clients.pick_asset(act, client):
        text = f"said {act.number}"
        body = {"segment_type": "COMMENT", "segment_text": text}
        entry, made = write(client, "comment", "POST", asset, "segments/", body, act)
        clients.log.promise(("comment", text), 1, entry)
        if made is not None:
            entry.asset = made["asset_id"]
            clients.log.promise(("segment", made["id"]), "ACTIVE", entry)
            if client is clients.editor:
                clients.comments[made["id"]] = made["asset_id"]


def remove_comment(clients: Clients, act: ClientAct) -> None:
    if clients.comments:
        segment, asset = sorted(clients.comments.items())[act.pick % len(clients.comments)]
        path = f"assets/v1/assets/{asset}/segments/{segment}/"
        entry, _ = clients.editor.write("uncomment", "DELETE", path, key=act.key)
        clients.log.promise(("segment", segment), "DELETED", entry)
        if entry.outcome is Outcome.ACKNOWLEDGED:
            del clients.comments[segment]


def ask_approval(clients: Clients, act: ClientAct) -> None:
    if asset := clients.pick_asset(act):
        body = {"users": [clients.editor.user_id, clients.reader.user_id]}
        entry, _ = write(clients.editor, "ask approval", "POST", asset, "approvals/request/", body, act)
        if entry.outcome is not Outcome.REFUSED:  # it discards all votes, perhaps one that is on its way
            clients.log.forget(*(("vote", asset["id"], each.user_id) for each in (clients.editor, clients.reader)))


def vote(clients: Clients, act: ClientAct, client: ApiClient | None = None) -> None:
    client = client or clients.editor
    if asset := clients.pick_asset(act, client):
        status = ("APPROVED", "NOT_APPROVED")[act.number % 2]
        entry, _ = write(client, "vote", "PUT", asset, "approvals/", {"status": status}, act)
        clients.log.promise(("vote", asset["id"], client.user_id), status, entry)


def share(clients: Clients, act: ClientAct) -> None:
    """Links are never stored for a repeat, so this is sent once, as the documentation says."""
    if asset := clients.pick_asset(act):
        title = f"share {act.number}"
        path = f"assets/v1/assets/{asset['id']}/shares/url/"
        entry, made = clients.editor.write("share", "POST", path, {"title": title}, key=False)
        clients.log.promise(("shared", title), 1, entry)
        if made is not None:
            clients.shares[made["id"]] = (asset["id"], made["url"].rpartition("/")[2])
            clients.log.promise(("share", made["id"]), "open", entry)


def revoke_share(clients: Clients, act: ClientAct) -> None:
    running = [each for each in sorted(clients.shares) if clients.log.current(("share", each)) == {"open"}]
    if running:
        share_id = running[act.pick % len(running)]
        path = f"assets/v1/assets/{clients.shares[share_id][0]}/shares/{share_id}/"
        entry, _ = clients.editor.write("revoke", "DELETE", path, asset=clients.shares[share_id][0], key=act.key)
        clients.log.promise(("share", share_id), "revoked", entry)
        if entry.outcome is Outcome.ACKNOWLEDGED and clients.open_link(share_id):
            clients.log.violate(f"7: share {share_id} lets in after its revocation was acknowledged")


def grant(clients: Clients, act: ClientAct) -> None:
    if asset := clients.pick_asset(act):
        path = f"acls/v1/users/{clients.reader.user_id}/acl/assets/{asset['id']}/"
        entry, _ = clients.editor.write("grant", "PUT", path, {"permissions": ["read"]}, key=act.key)
        clients.log.promise(("grant", asset["id"]), "read", entry)


def take_away(clients: Clients, act: ClientAct) -> None:
    given = sorted(name[1] for name, _ in clients.log.of_kind("grant") if clients.log.current(name) == {"read"})
    if given:
        asset = given[act.pick % len(given)]
        path = f"acls/v1/users/{clients.reader.user_id}/acl/assets/{asset}/"
        entry, _ = clients.editor.write("take away", "DELETE", path, key=act.key)
        clients.log.promise(("grant", asset), None, entry)
        if entry.outcome is Outcome.ACKNOWLEDGED:
            answer = clients.reader.read(f"assets/v1/assets/{asset}/")
            if answer is not None and answer.is_success:
                clients.log.violate(f"6: asset {asset} answers its reader after the right was taken away")


def delete(clients: Clients, act: ClientAct) -> None:
    if asset := clients.pick_asset(act):
        entry, _ = write(clients.editor, "delete", "DELETE", asset, "", None, act)
        clients.log.promise(("status", asset["id"]), "DELETED", entry)
        if entry.outcome is Outcome.ACKNOWLEDGED and asset["id"] in find(clients.editor, asset["title"]):
            clients.log.violate(f"4: asset {asset['id']} is found after its deletion was acknowledged")


def restore(clients: Clients, act: ClientAct) -> None:
    if asset := clients.pick_asset(act, queue="delete_queue/assets"):
        entry, _ = write(clients.editor, "restore", "PUT", asset, "restore/", None, act)
        clients.log.promise(("status", asset["id"]), "ACTIVE", entry)


def split(clients: Clients, act: ClientAct) -> None:
    if asset := clients.pick_asset(act):
        answer = clients.editor.read(f"files/v1/assets/{asset['id']}/files/")
        files = [each["id"] for each in answer.json()["objects"]] if answer is not None and answer.is_success else []
        body = {"file_ids": files[: max(1, len(files) // 2)], "title": f"{asset['title'].split(' / ')[0]} part"}
        if len(files) > 1:
            entry, made = write(clients.editor, "split", "POST", asset, "grouping/split/", body, act)
            regroup(clients, entry, asset["id"])
            if made is not None:
                regroup(clients, entry, made["id"])
                if "read" in clients.log.current(("grant", asset["id"])):
                    clients.log.promise(("grant", made["id"]), "read", entry)  # a split copies the rights


def merge(clients: Clients, act: ClientAct) -> None:
    found = [asset for asset in clients.list_assets(clients.editor) if not asset["title"].startswith("draft")]
    if len(found) > 1:
        survivor, other = (found[(act.pick + far) % len(found)] for far in (0, 1 + act.number % (len(found) - 1)))
        body = {"asset_ids": [other["id"]]}
        entry, _ = write(clients.editor, "merge", "POST", survivor, "grouping/merge/", body, act)
        regroup(clients, entry, survivor["id"], other["id"])


def undo(clients: Clients, act: ClientAct) -> None:
    if clients.regrouped:
        asset = clients.regrouped[act.pick % len(clients.regrouped)]
        entry, made = write(clients.editor, "undo", "POST", {"id": asset}, "grouping/undo/", {}, act)
        regroup(clients, entry, asset, *([made["id"]] if made else []))


def search(clients: Clients, act: ClientAct) -> None:
    begin = now()
    hits = find(clients.reader, "")
    end = now()
    for asset in hits:
        if not clients.log.may_read(asset, begin, end):
            clients.log.saw(Sighting(asset, begin, end))


def write(
    client: ApiClient, action: str, method: str, asset: dict[str, Any], below: str, body: Any, act: ClientAct
) -> tuple[Entry, Any]:
    """A write below the path of an asset."""
    path = f"assets/v1/assets/{asset['id']}/{below}"
    return client.write(action, method, path, body, asset=asset["id"], key=act.key)


def regroup(clients: Clients, entry: Entry, *assets: str) -> None:
    """After grouping by hand, an undo or the rules decide whether these assets are active."""
    if entry.outcome is not Outcome.REFUSED:
        clients.log.forget(*(("status", asset) for asset in assets))
        clients.regrouped.extend(assets)


def find(client: ApiClient, words: str) -> list[str]:
    """The assets that a search finds now; none without an answer."""
    answer = client.read_once("search/v1/search/?per_page=100", "POST", {"query": words, "doc_types": ["assets"]})
    return [hit["id"] for hit in answer.json()["objects"]] if answer is not None and answer.is_success else []


CLIENT_STEPS: dict[str, Callable[[Clients, ClientAct], None]] = {
    **{"create": create, "title": change_title, "value": set_value, "comment": comment, "uncomment": remove_comment},
    **{"ask approval": ask_approval, "vote": vote, "share": share, "revoke": revoke_share, "grant": grant},
    **{"take away": take_away, "delete": delete, "restore": restore, "split": split, "merge": merge, "undo": undo},
    "search": search,
    "remark": lambda clients, act: comment(clients, act, clients.reader),
    "opinion": lambda clients, act: vote(clients, act, clients.reader),
}
