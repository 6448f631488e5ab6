"""Every module of routes; the order here is of no matter."""

from api.services import (
    acl_entries,
    acl_templates,
    acls,
    assets,
    delete_queue,
    files,
    formats,
    history,
    jobs,
    relations,
    storage_files,
    storages,
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
    files.routes,
    formats.routes,
    history.routes,
    jobs.routes,
    relations.routes,
    storage_files.routes,
    storages.routes,
    tokens.routes,
    user_groups.routes,
    users.routes,
)
