"""Writes the metadata of an asset through a view, from the form on its page."""

from starlette.responses import RedirectResponse, Response

from models.catalog.asset import ASSET_KIND
from models.core.base import parse_id
from services.core.errors import NotFound, ValidationFailed
from services.metadata.values import write_object_values
from services.objects.objects import get_object_for_update
from services.viewing.metadata import load_form_fields
from web.asset_pages import ASSET_PATH, asset_of, show_asset_page
from web.console import PageRoute, Visit
from web.metadata_card import FIELD_PREFIX


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
        return show_asset_page(visit, errors=wrong.errors)
    return RedirectResponse(f"/assets/{found.id}?view={view_id}#metadata", 303)


METADATA_ROUTES = (PageRoute("POST", f"{ASSET_PATH}/metadata", write_metadata),)
