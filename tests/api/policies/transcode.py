"""Policies of the routes of `transcode`."""

from tests.api.policy import Policy, writers_may

POLICIES: dict[str, Policy] = {
    "POST transcode/v1/assets/{asset_id}/formats/{format_id}/": writers_may(
        201, {"profile": "web"}, names={"format_id": "{transcodable_format_id}"}
    ),
}
