"""Policies of the routes of `users`."""

from tests.api.policy import Policy, administrators_may, all_may

POLICIES: dict[str, Policy] = {
    "GET users/v1/audit/": administrators_may(200, params={"actor": "a", "since": "2026-01-01T00:00:00Z"}),
    "GET users/v1/groups/": all_may(200),
    "POST users/v1/groups/": administrators_may(201, {"name": "g{unique}"}),
    "GET users/v1/groups/{group_id}/": all_may(200),
    "PATCH users/v1/groups/{group_id}/": administrators_may(200, {"name": "g{unique}"}),
    "DELETE users/v1/groups/{group_id}/": administrators_may(204),
    "POST users/v1/groups/{group_id}/users/{user_id}/": administrators_may(201),
    "DELETE users/v1/groups/{group_id}/users/{user_id}/": administrators_may(204),
    "GET users/v1/users/": all_may(200),
    "POST users/v1/users/": administrators_may(201, {"email": "{unique}@example.org", "type": "STANDARD"}),
    "GET users/v1/users/current/": all_may(200),
    "PATCH users/v1/users/current/": all_may(200, {"first_name": "x"}),
    "GET users/v1/users/current/roles/": all_may(200),
    "GET users/v1/users/{user_id}/": all_may(200),
    "PATCH users/v1/users/{user_id}/": Policy(
        "200 200 403 403", {"first_name": "n{unique}"}, names={"user_id": "{me}"}
    ),
    "PUT users/v1/users/{user_id}/": Policy("200 200 403 403", {"first_name": "n{unique}"}, names={"user_id": "{me}"}),
    "DELETE users/v1/users/{user_id}/": administrators_may(204),
}
