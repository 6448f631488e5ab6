"""The audit log of configuration, for administrators: who changed users, rights, storages, webhooks and more."""

from datetime import datetime
from typing import cast
from uuid import UUID

from api.routes.users.answers import AuditEntryAnswer
from asgi.answers import PageAnswer
from asgi.pagination import LastId, PerPage, paginate_by_cursor, serialize_each
from asgi.request_context import Call
from asgi.routing import RouteGroup
from models.access.audit_log import AuditEntry
from services.core.audit_log import select_audit_entries, serialize_audit_entry
from services.core.errors import require_administrator

routes = RouteGroup("users", is_extension=True)


def _serialize_entry(entry: AuditEntry) -> AuditEntryAnswer:
    return cast(AuditEntryAnswer, serialize_audit_entry(entry))


@routes.get("/audit/", never_gives=(404,))
def get_audit_log(
    call: Call,
    object_type: str | None = None,
    object_id: str | None = None,
    actor: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    last_id: LastId = None,
    per_page: PerPage = 50,
) -> PageAnswer[AuditEntryAnswer]:
    """List changes of configuration, oldest first: about one object or type, of an actor, within a time."""
    require_administrator(call.actor, "read the audit log")
    query = select_audit_entries(object_type, object_id, actor, since, until).order_by(None)
    last: UUID | None = last_id
    return paginate_by_cursor(call, query, AuditEntry.id, last, per_page, serialize_each(_serialize_entry))
