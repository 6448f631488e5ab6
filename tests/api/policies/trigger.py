"""Who may do what with the routes of `trigger`: everybody may ask, and the job runs with the rights of who asked."""

from tests.api.policy import Policy, all_may

POLICIES: dict[str, Policy] = {
    "POST trigger/v1/{name}/": all_may(201, {"storage": "{storage_id}"}, names={"name": "scan"}),
}
