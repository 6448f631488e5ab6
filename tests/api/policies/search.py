"""Policies of the routes of `search`."""

from tests.api.policy import Policy, all_may

POLICIES: dict[str, Policy] = {
    "POST search/v1/search/": all_may(200, {}),
    "GET search/v1/search/history/": all_may(200),
    "GET search/v1/search/saved/": all_may(200),
    "POST search/v1/search/saved/": all_may(201, {"name": "x", "criteria": {}}),
    "POST search/v1/search/suggest/": all_may(200, {"field_name": "title", "query": "x"}),
    "POST search/v2/search/": all_may(200, {}),
}
