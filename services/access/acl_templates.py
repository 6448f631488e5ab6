"""ACL templates: named sets of permissions, applied to an object, or to everything that a storage ingests.

Administrators manage them; applying one needs the permission to change the object's ACL.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from models.access.acl import ALL_PERMISSIONS, AclEntry, AclTemplate, Actor, PrincipalKind
from models.core.base import new_id
from services.access.permissions import Principal, acl_entries_of, grant_permissions
from services.core.audit_log import record_audit
from services.core.errors import ValidationFailed, require_administrator
from services.core.rows import load, save_audited

ACL_TEMPLATE_KIND = "acl_templates"


@dataclass(frozen=True, slots=True)
class AclGrant:
    """Permissions for one user or group."""

    principal: Principal
    permissions: tuple[str, ...]


def create_acl_template(session: Session, name: str, actor: Actor) -> AclTemplate:
    """Create an empty template; its entries are set like those of any object."""
    require_administrator(actor, "make ACL templates")
    _refuse_duplicate_name(session, name)
    template = AclTemplate(id=new_id(), name=name)
    return save_audited(session, template, ACL_TEMPLATE_KIND, template.id, f'ACL template "{name}" was created', actor)


def find_acl_template(session: Session, template_id: uuid.UUID) -> AclTemplate:
    """Return a template by id."""
    return load(session, AclTemplate, template_id, "ACL template")


def rename_acl_template(session: Session, template_id: uuid.UUID, name: str, actor: Actor) -> AclTemplate:
    """Rename a template."""
    require_administrator(actor, "change ACL templates")
    template = find_acl_template(session, template_id)
    if template.name != name:
        _refuse_duplicate_name(session, name)
        told = f'ACL template "{template.name}" is now named "{name}"'
        template.name = name
        save_audited(session, template, ACL_TEMPLATE_KIND, template_id, told, actor)
    return template


def _refuse_duplicate_name(session: Session, name: str) -> None:
    if session.scalar(select(AclTemplate.id).where(AclTemplate.name == name)):
        raise ValidationFailed("name", f'an ACL template named "{name}" exists already')


def delete_acl_template(session: Session, template_id: uuid.UUID, actor: Actor) -> None:
    """Delete a template; permissions that were granted through it remain."""
    require_administrator(actor, "delete ACL templates")
    template = find_acl_template(session, template_id)
    # mark_acl_entry_delete marks nothing for a template: it has no document.
    session.execute(
        delete(AclEntry).where(AclEntry.object_id == template_id, AclEntry.object_type == ACL_TEMPLATE_KIND)
    )
    session.delete(template)
    record_audit(session, ACL_TEMPLATE_KIND, template_id, f'ACL template "{template.name}" was deleted', actor)


def apply_acl_template(
    session: Session, template_id: uuid.UUID, object_type: str, object_ids: Sequence[uuid.UUID], actor: Actor
) -> None:
    """Merge the template's permissions into those of the objects."""
    find_acl_template(session, template_id)
    for right in grants_of_object(session, ACL_TEMPLATE_KIND, template_id):
        grant_permissions(session, object_type, object_ids, [right.principal], right.permissions, actor, adds=True)


def grants_of_object(session: Session, object_type: str, object_id: uuid.UUID) -> list[AclGrant]:
    """Return an object's entries as grants for another object; own and inherited entries of a principal are merged."""
    return _merge_grants(
        AclGrant(Principal(entry.principal_kind, entry.principal_id), tuple(entry.permissions))
        for entry in acl_entries_of(session, object_type, object_id)
    )


def grants_for_ingested(
    session: Session, storage_id: uuid.UUID, owner_id: uuid.UUID | None, template_id: uuid.UUID | None = None
) -> list[AclGrant]:
    """Return the grants for every asset that a storage ingests.

    All permissions for its owner, plus the entries of the storage itself (`storage add --readers GROUP`) and of its
    template.
    """
    found = grants_of_object(session, "storages", storage_id)
    if template_id is not None:
        found += grants_of_object(session, ACL_TEMPLATE_KIND, template_id)
    if owner_id is not None:
        found.append(AclGrant(Principal(PrincipalKind.USER, owner_id), ALL_PERMISSIONS))
    return _merge_grants(found)


def _merge_grants(rights: Iterable[AclGrant]) -> list[AclGrant]:
    together: dict[Principal, set[str]] = {}
    for right in rights:
        together.setdefault(right.principal, set()).update(right.permissions)
    return [
        AclGrant(who, tuple(p for p in ALL_PERMISSIONS if p in permissions)) for who, permissions in together.items()
    ]
