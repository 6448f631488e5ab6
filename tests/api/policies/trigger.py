"""Policies of the routes of `trigger`: every user may send one, and the job runs with the sender's permissions."""

from tests.api.policy import Policy, all_may

POLICIES: dict[str, Policy] = {
    "POST trigger/v1/{name}/": all_may(201, {"storage": "{storage_id}"}, names={"name": "scan"}),
}
