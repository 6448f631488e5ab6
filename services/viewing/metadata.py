"""A metadata view as a form: its fields with the values that an object has, as texts that people edit."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.access.acl import Actor
from models.catalog.metadata import MetadataView
from services.metadata.forms import FieldRule, load_view_form
from services.metadata.types import value_to_text
from services.metadata.values import list_object_values

MAX_LISTED_VIEWS = 100


@dataclass(frozen=True, slots=True)
class FormField:
    """A field of a view with its values, one a line."""

    rule: FieldRule
    text: str
    options: Sequence[str]
    """Values to choose from; empty if any value is allowed."""


def list_form_views(session: Session) -> Sequence[MetadataView]:
    """Return the metadata views by name."""
    return session.scalars(select(MetadataView).order_by(MetadataView.name).limit(MAX_LISTED_VIEWS)).all()


def load_form_fields(
    session: Session, actor: Actor, object_id: uuid.UUID, view_id: uuid.UUID
) -> tuple[list[FormField], bool]:
    """Return the fields of a view with the values of an object, and whether the actor may write through the view."""
    form = load_view_form(session, view_id)
    values = {
        one.name: [value_to_text(value) for value in one.values] for one in list_object_values(session, object_id)
    }
    fields = [
        FormField(rule, "\n".join(values.get(rule.name, ())), sorted(map(str, rule.options or ())))
        for rule in form.rules.values()
    ]
    is_open = form.view is None or form.view.write_access_for_everyone or actor.is_admin
    return fields, is_open
