"""The metadata of an asset through a view: shown, and edited with the validation of its fields."""

from collections.abc import Mapping

from starlette.responses import RedirectResponse, Response

from models.access.acl import Permission
from models.catalog.asset import ASSET_KIND
from models.core.base import parse_id
from services.access.permissions import effective_permissions
from services.core.errors import NotFound, ValidationFailed
from services.metadata.values import write_object_values
from services.objects.objects import get_object_for_update
from services.viewing.metadata import list_form_views, load_form_fields
from web.asset_pages import ASSET_PATH, asset_of
from web.console import PageRoute, Visit

FIELD_PREFIX = "field."
"""Before the names of fields in the form, so that none collides with its other inputs."""


def show_metadata(visit: Visit) -> Response:
    """Show the fields of a view, for users who may write the asset as a form."""
    return show_metadata_form(visit, {})


def show_metadata_form(visit: Visit, errors: Mapping[str, str]) -> Response:
    """Show the form; after an error with what was typed and what is wrong with it."""
    asset, views = asset_of(visit), list_form_views(visit.session)
    view_id = parse_id(visit.form.get("view") or visit.query("view")) or (views[0].id if views else None)
    fields, is_open = load_form_fields(visit.session, visit.actor, asset.id, view_id) if view_id else ([], False)
    typed = {
        name.removeprefix(FIELD_PREFIX): text for name, text in visit.form.items() if name.startswith(FIELD_PREFIX)
    }
    may = effective_permissions(visit.session, visit.actor, ASSET_KIND, asset.id)
    return visit.page(
        "console/metadata.html",
        400 if errors else 200,
        asset=asset,
        here=f"/assets/{asset.id}",
        views=views,
        view_id=view_id,
        fields=fields,
        typed=typed,
        errors=errors,
        may_write=is_open and Permission.WRITE in may,
    )


def write_metadata(visit: Visit) -> Response:
    """Write the values that were typed; all or none."""
    view_id = parse_id(visit.form.get("view"))
    if view_id is None:
        raise NotFound("metadata view", visit.form.get("view", ""))
    found = get_object_for_update(visit.session, visit.actor, ASSET_KIND, asset_of(visit).id)
    fields, _ = load_form_fields(visit.session, visit.actor, found.id, view_id)
    sent = {
        field.rule.name: text.splitlines() if field.rule.multi else [text.replace("\r\n", "\n")]
        for field in fields
        if not field.rule.read_only and (text := visit.form.get(FIELD_PREFIX + field.rule.name)) is not None
    }
    try:
        write_object_values(visit.session, found, sent, visit.actor, view_id=view_id)
    except ValidationFailed as wrong:
        return show_metadata_form(visit, wrong.errors)
    return RedirectResponse(f"/assets/{found.id}/metadata?view={view_id}", 303)


METADATA_ROUTES = (
    PageRoute("GET", f"{ASSET_PATH}/metadata", show_metadata),
    PageRoute("POST", f"{ASSET_PATH}/metadata", write_metadata),
)
