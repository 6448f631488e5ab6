"""All policies in one table, by service."""

from tests.api.policies import (
    acls,
    approvals,
    assets,
    auth,
    collections,
    files,
    jobs,
    metadata,
    notifications,
    search,
    segments,
    shares,
    transcode,
    trigger,
    users,
)
from tests.api.policy import Policy

POLICIES: dict[str, Policy] = {
    **acls.POLICIES,
    **approvals.POLICIES,
    **assets.POLICIES,
    **auth.POLICIES,
    **collections.POLICIES,
    **files.POLICIES,
    **jobs.POLICIES,
    **metadata.POLICIES,
    **notifications.POLICIES,
    **search.POLICIES,
    **segments.POLICIES,
    **shares.POLICIES,
    **transcode.POLICIES,
    **trigger.POLICIES,
    **users.POLICIES,
}
