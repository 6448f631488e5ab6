"""Reading the values of many objects at once."""

from models.acl import Actor
from models.metadata import FieldType
from models.sessions import Sessions
from tasks.assets import NewAsset, create_asset
from tasks.metadata_fields import NewField, create_field
from tasks.metadata_values import set_values, values_by_object
from tasks.objects import find_object

SYSTEM = Actor("x", is_admin=True)


def test_a_number_with_a_fraction_is_read_as_one_however_large(sessions: Sessions) -> None:
    with sessions.begin() as session:
        create_field(session, NewField("gain", FieldType.FLOAT), SYSTEM)
        asset = create_asset(session, NewAsset("clip"), SYSTEM).id
        set_values(session, find_object(session, SYSTEM, "assets", asset), {"gain": 1e22}, SYSTEM)
        (value,) = values_by_object(session, [asset])[asset]["gain"]
    assert (value, type(value)) == (1e22, float)
