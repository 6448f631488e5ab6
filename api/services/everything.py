"""Every module of routes; the order here is of no matter."""

from api.services import (
    acl_entries,
    acl_templates,
    acls,
    assets,
    delete_queue,
    history,
    relations,
    tokens,
    user_groups,
    users,
)

SERVICES = (
    acl_entries.routes,
    acl_templates.routes,
    acls.routes,
    assets.routes,
    delete_queue.routes,
    history.routes,
    relations.routes,
    tokens.routes,
    user_groups.routes,
    users.routes,
)
