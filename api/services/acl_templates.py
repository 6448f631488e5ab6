"""Named sets of rights. The rights that a template grants are those of the object `acl_templates/{id}`."""

from typing import Any
from uuid import UUID

from sqlalchemy import select

from api.bodies import Body, Name
from api.call import Call
from api.rendering import stamp
from api.routing import Service
from models.acl import AclTemplate, Permission
from tasks.acl_templates import apply_template, create_template, delete_template, find_template, rename_template
from tasks.acls import find_object

routes = Service("acls")


class TemplateBody(Body):
    name: Name


def template_body(template: AclTemplate) -> dict[str, Any]:
    """Serialise a template."""
    return {
        "id": str(template.id),
        "name": template.name,
        "date_created": stamp(template.date_created),
        "date_modified": stamp(template.date_modified),
    }


@routes.get("/acl/templates/")
def get_templates(call: Call) -> dict[str, Any]:
    """List all templates."""
    return {"objects": [template_body(t) for t in call.session.scalars(select(AclTemplate).order_by(AclTemplate.name))]}


@routes.post("/acl/templates/")
def post_template(call: Call, body: TemplateBody) -> dict[str, Any]:
    """Create a template."""
    return template_body(create_template(call.session, body.name, call.actor))


@routes.get("/acl/templates/{template_id}/")
def get_template(call: Call, template_id: UUID) -> dict[str, Any]:
    """Return one template."""
    return template_body(find_template(call.session, template_id))


@routes.patch("/acl/templates/{template_id}/")
def patch_template(call: Call, template_id: UUID, body: TemplateBody) -> dict[str, Any]:
    """Rename a template."""
    return template_body(rename_template(call.session, template_id, body.name, call.actor))


@routes.put("/acl/templates/{template_id}/")
def put_template(call: Call, template_id: UUID, body: TemplateBody) -> dict[str, Any]:
    """Rename a template."""
    return patch_template(call, template_id, body)


@routes.delete("/acl/templates/{template_id}/")
def delete_one_template(call: Call, template_id: UUID) -> None:
    """Delete a template; rights that it granted stay."""
    delete_template(call.session, template_id, call.actor)


@routes.post("/acl/templates/{template_id}/{object_type}/{object_key}/", status=200)
def post_template_to_object(call: Call, template_id: UUID, object_type: str, object_key: str) -> dict[str, Any]:
    """Apply a template to an object."""
    object_id = find_object(call.session, call.actor, object_type, object_key, Permission.CHANGE_ACL)
    apply_template(call.session, template_id, object_type, [object_id], call.actor)
    return {}
