"""Named sets of rights. The rights that a template grants are those of the object `acl_templates/{id}`."""

from uuid import UUID

from sqlalchemy import select

from api.routes.permissions.answers import AclTemplateAnswer
from asgi.answers import EmptyAnswer, ObjectListAnswer
from asgi.body_base import Body, ShortText
from asgi.rendering import format_datetime
from asgi.request_context import Call
from asgi.routing import RouteGroup, SharedEndpoint
from models.access.acl import AclTemplate, Permission
from services.access.acl_templates import (
    apply_acl_template,
    create_acl_template,
    delete_acl_template,
    find_acl_template,
    rename_acl_template,
)
from services.access.permissions import find_acl_object

routes = RouteGroup("acls")


class AclTemplateBody(Body):
    name: ShortText


def serialize_acl_template(template: AclTemplate) -> AclTemplateAnswer:
    """Serialise a template."""
    return {
        "id": str(template.id),
        "name": template.name,
        "date_created": format_datetime(template.date_created),
        "date_modified": format_datetime(template.date_modified),
    }


@routes.get("/acl/templates/")
def get_templates(call: Call) -> ObjectListAnswer[AclTemplateAnswer]:
    """List all templates."""
    return {
        "objects": [
            serialize_acl_template(t) for t in call.session.scalars(select(AclTemplate).order_by(AclTemplate.name))
        ]
    }


@routes.post("/acl/templates/")
def post_template(call: Call, body: AclTemplateBody) -> AclTemplateAnswer:
    """Create a template."""
    return serialize_acl_template(create_acl_template(call.session, body.name, call.actor))


@routes.get("/acl/templates/{template_id}/")
def get_template(call: Call, template_id: UUID) -> AclTemplateAnswer:
    """Return one template."""
    return serialize_acl_template(find_acl_template(call.session, template_id))


@routes.put("/acl/templates/{template_id}/", SharedEndpoint("put_template", "Rename a template."))
@routes.patch("/acl/templates/{template_id}/")
def patch_template(call: Call, template_id: UUID, body: AclTemplateBody) -> AclTemplateAnswer:
    """Rename a template."""
    return serialize_acl_template(rename_acl_template(call.session, template_id, body.name, call.actor))


@routes.delete("/acl/templates/{template_id}/")
def delete_one_template(call: Call, template_id: UUID) -> None:
    """Delete a template; rights that it granted stay."""
    delete_acl_template(call.session, template_id, call.actor)


@routes.post("/acl/templates/{template_id}/{object_type}/{object_key}/", status=200)
def post_template_to_object(call: Call, template_id: UUID, object_type: str, object_key: str) -> EmptyAnswer:
    """Apply a template to an object."""
    object_id = find_acl_object(call.session, call.actor, object_type, object_key, Permission.CHANGE_ACL)
    apply_acl_template(call.session, template_id, object_type, [object_id], call.actor)
    return {}
