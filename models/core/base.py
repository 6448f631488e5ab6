"""Declarative base: constraint names, ids generated before the insert, and enums as checked text."""

import enum
import uuid
from datetime import datetime
from functools import cache
from typing import Annotated, Any, ClassVar

from sqlalchemy import BigInteger, DateTime, Enum, Identity, LargeBinary, MetaData, Table, Text, Uuid, func, inspect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from uuid_utils.compat import uuid7

CONSTRAINT_NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


ID_TIME_SHIFT = 80
"""Bits of a UUIDv7 after its 48 bits of milliseconds."""


class TextEnum(enum.StrEnum):
    """An enum stored as text with a CHECK constraint. The values are iconik's where iconik defines them."""


def checked_text(words: type[TextEnum]) -> Enum:
    """Map an enum to text with a named CHECK: adding a value is then a cheap migration, unlike with a native enum.

    The constraint is named after the class in lower case, so renaming an enum class needs a migration.
    """
    return Enum(
        words,
        native_enum=False,
        create_constraint=True,
        length=40,
        name=words.__name__.lower(),
        values_callable=lambda enumeration: [word.value for word in enumeration],
    )


def new_id() -> uuid.UUID:
    """Return a UUIDv7. Generated in Python because COPY needs ids beforehand and cursors follow their order in time."""
    return uuid7()


def min_id_at(seconds: float) -> uuid.UUID:
    """Return the smallest id that `new_id` can generate at a time, in seconds since 1970."""
    return uuid.UUID(int=int(seconds * 1000) << ID_TIME_SHIFT)


def parse_id(text: object) -> uuid.UUID | None:
    """Return the id that a value spells, or None."""
    try:
        return uuid.UUID(str(text))
    except ValueError:
        return None


Id = Annotated[uuid.UUID, mapped_column(Uuid, primary_key=True, default=new_id, sort_order=-1)]
Serial = Annotated[int, mapped_column(BigInteger, Identity(), primary_key=True)]
BigInt = Annotated[int, mapped_column(BigInteger)]
DefaultNow = Annotated[datetime, mapped_column(server_default=func.now())]


class Base(DeclarativeBase):
    __table__: ClassVar[Table]
    metadata = MetaData(naming_convention=CONSTRAINT_NAMING)
    type_annotation_map = {  # noqa: RUF012
        str: Text,
        bytes: LargeBinary,
        datetime: DateTime(timezone=True),
    }


class IdMixin:
    """Gives a table its primary key."""

    id: Mapped[Id]


class CreatedMixin:
    """Adds the time of creation."""

    date_created: Mapped[DefaultNow]


class TimestampsMixin(CreatedMixin):
    """Adds the times of creation and of the last change by a user."""

    date_modified: Mapped[DefaultNow]


@cache
def _attribute_names(table: type[Base]) -> dict[str, str]:
    mapper = inspect(table)
    return {column.name: mapper.get_property_by_column(column).key for column in mapper.columns}


def get_column_value(row: Base, column: str) -> Any:
    """Return the value of a column by its name in the database, which the attribute may not share."""
    return getattr(row, _attribute_names(type(row))[column])
