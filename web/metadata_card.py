"""The metadata of an asset through a view, as a part of its page: shown, and edited as its fields allow."""

from collections.abc import Mapping, Sequence
from typing import Any

from models.access.acl import Permission
from models.catalog.asset import Asset
from models.core.base import parse_id
from services.metadata.values import list_object_values
from services.viewing.metadata import list_form_views, load_form_fields
from web.console import Visit
from web.pages import FIELD_PREFIX

ALL_VALUES = "all"


def load_metadata_card(visit: Visit, asset: Asset, may: Sequence[str], errors: Mapping[str, str]) -> dict[str, Any]:
    """Load the fields of the chosen view, or of the first; after an error with what was typed and what is wrong."""
    views, chosen = list_form_views(visit.session), visit.form.get("view") or visit.query("view")
    view_id = None if chosen == ALL_VALUES else parse_id(chosen) or (views[0].id if views else None)
    fields, is_open = load_form_fields(visit.session, visit.actor, asset.id, view_id) if view_id else ([], False)
    values = [] if view_id else list_object_values(visit.session, asset.id)
    return {
        "views": views,
        "view_id": view_id,
        "fields": fields,
        "values": [(one.name, ", ".join(map(str, one.values))) for one in values],
        "typed": {
            name.removeprefix(FIELD_PREFIX): text for name, text in visit.form.items() if name.startswith(FIELD_PREFIX)
        },
        "errors": errors,
        "may_edit": is_open and Permission.WRITE in may,
    }
