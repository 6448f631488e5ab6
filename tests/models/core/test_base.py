"""A column is read by its name in the database, whatever its attribute is called."""

import pytest

from models.catalog.asset import FileSet
from models.core.base import get_column_value
from models.queues.island import Island
from models.registry import Base

TABLES = sorted((mapper.class_ for mapper in Base.registry.mappers), key=lambda table: table.__name__)
"""In one order, as parallel workers collect the tests each for itself."""


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.__name__)
def test_every_column_can_be_read_by_its_name(table: type[Base]) -> None:
    row = table()
    for column in table.__table__.columns:
        get_column_value(row, column.name)


def test_a_renamed_attribute_has_the_value_of_its_column() -> None:
    assert get_column_value(FileSet(reported_count=7), "told_count") == 7
    assert get_column_value(Island(epoch=3), "epoch") == 3
    with pytest.raises(KeyError):
        get_column_value(FileSet(), "reported_count")
