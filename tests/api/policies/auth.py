"""Policies of the routes of `auth`."""

from tests.api.policy import Policy, all_may

POLICIES: dict[str, Policy] = {
    "POST auth/v1/apps/": all_may(201, {"name": "a"}),
    "GET auth/v1/apps/": all_may(200),
    "POST auth/v1/apps/{app_id}/token/": Policy("404 201 404 404"),
    "POST auth/v1/auth/simple/login/": Policy(
        "401 401 401 401", {"email": "{unique}@example.org", "password": "wrong"}, nobody=401
    ),
    "POST auth/v1/auth/token/": all_may(201),
    "PUT auth/v1/auth/token/": all_may(200),
    "GET auth/v1/auth/token/": all_may(200),
    "DELETE auth/v1/auth/token/": all_may(204),
    "GET auth/v1/auth/token/{token_id}/": Policy("200 200 404 404"),
    "DELETE auth/v1/auth/token/{token_id}/": Policy("204 204 404 404"),
    "DELETE auth/v1/auth/tokens/": all_may(204),
    "GET auth/v1/auth/tokens/": all_may(200),
}
