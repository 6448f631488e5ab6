"""Policies of the routes of shares."""

from tests.api.policy import Policy, administrators_may, all_may, readers_may, writers_may

FLAGS = {
    "allow_approving_comments": False,
    "allow_comments": True,
    "allow_download": True,
    "allow_setting_approve_status": False,
}
ASSET = {"object_id": "{asset_id}"}
SHARES = "assets/v1/{object_type}/{object_id}/shares/"
SHARE = SHARES + "{share_id}/"

POLICIES: dict[str, Policy] = {
    f"POST {SHARES}": writers_may(202, {**FLAGS, "emails": ["{unique}@example.org"]}, names=ASSET),
    f"POST {SHARES}url/": writers_may(200, FLAGS, names=ASSET),
    f"GET {SHARES}": readers_may(200, names=ASSET),
    f"GET {SHARE}": readers_may(200, names=ASSET),
    f"PUT {SHARE}": writers_may(200, FLAGS, names=ASSET),
    f"DELETE {SHARE}": writers_may(204, names=ASSET),
    f"GET {SHARE}users/": readers_may(200, names=ASSET),
    f"POST {SHARE}users/": writers_may(201, {"email": "{unique}@example.org"}, names=ASSET),
    f"PATCH {SHARE}users/{{share_user_id}}/": writers_may(200, {"email": "x"}, names=ASSET),
    f"DELETE {SHARE}users/{{share_user_id}}/": writers_may(204, names=ASSET),
    "GET assets/v1/assets/{asset_id}/shares/all/": readers_may(200),
    "GET assets/v1/shares/": all_may(200),
    "GET assets/v1/shares/all/": administrators_may(200),
    "DELETE assets/v1/shares/bulk/": writers_may(204, {"share_ids": ["{share_id}"]}),
    "POST assets/v1/shares/auth/login/": Policy("401 401 401 401", {"hash": "x"}),
    "GET assets/v1/shares/auth/token/": Policy("401 401 401 401", guest=200),
    "PUT assets/v1/shares/auth/token/": Policy("401 401 401 401", guest=200),
    "POST assets/v1/shares/{share_id}/magic_link/request/": Policy(
        "200 200 200 200", {"email": "{unique}@example.org"}, nobody=200
    ),
    "POST assets/v1/shares/{share_id}/magic_link/validate/": Policy(
        "401 401 401 401", {"email": "{unique}@example.org", "hash": "x"}
    ),
    "GET acls/v1/shares/{object_type}/{object_key}/": readers_may(200),
    "PUT acls/v1/shares/{share_id}/acl/{object_type}/{object_key}/": writers_may(200, {"permissions": ["read"]}),
}
