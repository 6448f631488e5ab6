"""Registry of all route modules; the order does not matter."""

from api.routes.catalog import (
    approvals,
    assets,
    collection_contents,
    collections,
    delete_queue,
    favorites,
    history,
    manual_grouping,
    relations,
)
from api.routes.files import downloads, files, previews, readiness, storage_files, storages
from api.routes.integrations import triggers, webhooks
from api.routes.jobs import backlog, jobs
from api.routes.metadata import fields, values, views
from api.routes.permissions import acl_templates, acls, entries
from api.routes.search import reindex, search
from api.routes.segments import segments
from api.routes.shares import lists, shares, sign_in
from api.routes.users import audit, groups, tokens, users

ROUTE_GROUPS = (
    entries.routes,
    audit.routes,
    acl_templates.routes,
    acls.routes,
    approvals.routes,
    assets.routes,
    manual_grouping.routes,
    collection_contents.routes,
    collections.routes,
    delete_queue.routes,
    downloads.routes,
    favorites.routes,
    files.routes,
    history.routes,
    jobs.routes,
    previews.routes,
    readiness.routes,
    fields.routes,
    values.routes,
    views.routes,
    relations.routes,
    reindex.routes,
    search.routes,
    search.routes_v2,
    segments.routes,
    lists.routes,
    sign_in.routes,
    shares.routes,
    storage_files.routes,
    storages.routes,
    tokens.routes,
    files.transcode_routes,
    triggers.routes,
    users.routes,
    groups.routes,
    webhooks.routes,
    backlog.routes,
)
