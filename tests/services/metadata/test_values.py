"""Reading the values of many objects at once."""

from models.access.acl import Actor
from models.catalog.asset import Asset
from models.catalog.metadata import FieldType
from models.core.sessions import Sessions
from services.catalog.assets.assets import create_empty_asset
from services.metadata.fields import create_field
from services.metadata.values import load_values_by_object, write_object_values
from services.objects.objects import find_object

SYSTEM = Actor("x", is_admin=True)


def test_a_number_with_a_fraction_is_read_as_one_however_large(sessions: Sessions) -> None:
    with sessions.begin() as session:
        create_field(session, "gain", FieldType.FLOAT, SYSTEM)
        asset = create_empty_asset(session, Asset(title="clip"), SYSTEM).id
        write_object_values(session, find_object(session, SYSTEM, "assets", asset), {"gain": 1e22}, SYSTEM)
        (value,) = load_values_by_object(session, [asset])[asset]["gain"]
    assert (value, type(value)) == (1e22, float)
