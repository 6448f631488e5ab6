"""Policies of approvals; for the asset in these rows owner and reader are reviewers, and the owner has voted."""

from tests.api.policy import Policy, readers_may, writers_may

OBJECT = "assets/v1/{object_type}/{object_id}"
ASSET = {"object_id": "{asset_id}", "version_id": "{asset_id}"}
OWNER = {**ASSET, "user_id": "{me}"}
ASKED = {"users": ["{me}"]}
YES = {"status": "APPROVED"}
MANY = {"object_ids": ["{asset_id}"], "object_type": "assets"}

POLICIES: dict[str, Policy] = {
    f"POST {OBJECT}/approvals/request/": writers_may(201, ASKED, names=ASSET),
    f"GET {OBJECT}/approvals/request/": readers_may(200, names=ASSET, guest=200),
    f"PUT {OBJECT}/approvals/request/": writers_may(200, ASKED, names=ASSET),
    f"PATCH {OBJECT}/approvals/request/": writers_may(200, ASKED, names=ASSET),
    f"DELETE {OBJECT}/approvals/request/": writers_may(204, names=ASSET),
    # Reviewers are named, so an administrator, who is none of them, has no vote.
    f"PUT {OBJECT}/approvals/": Policy("403 200 200 404", YES, names=ASSET, guest=200),
    f"GET {OBJECT}/approvals/": readers_may(200, names=ASSET, guest=200),
    f"DELETE {OBJECT}/approvals/user/{{user_id}}/": writers_may(204, names=OWNER),
    f"DELETE {OBJECT}/approvals/external/{{email}}/": writers_may(204, names=ASSET),
    # Only the owner has a vote to withdraw; a guest is permitted and has none either.
    f"DELETE {OBJECT}/approvals/": Policy("404 204 404 404", names=ASSET, guest=404),
    f"GET {OBJECT}/versions/{{version_id}}/approvals/": readers_may(200, names=ASSET),
    f"GET {OBJECT}/versions/{{version_id}}/approvals/request/": readers_may(200, names=ASSET),
    "POST assets/v1/approvals/bulk/": writers_may(200, {**MANY, **YES}),
    "POST assets/v1/approvals/bulk_remove/": writers_may(200, MANY),
}
