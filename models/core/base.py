"""Declarative base: constraint names, ids generated before the insert, and enums as checked text."""

import enum
import uuid
from datetime import datetime
from typing import Annotated

from sqlalchemy import BigInteger, DateTime, Enum, Identity, LargeBinary, MetaData, Text, Uuid, func
from sqlalchemy.orm import DeclarativeBase, mapped_column
from uuid_utils.compat import uuid7

CONSTRAINT_NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


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


Id = Annotated[uuid.UUID, mapped_column(Uuid, primary_key=True, default=new_id)]
Serial = Annotated[int, mapped_column(BigInteger, Identity(), primary_key=True)]
BigInt = Annotated[int, mapped_column(BigInteger)]
DefaultNow = Annotated[datetime, mapped_column(server_default=func.now())]


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=CONSTRAINT_NAMING)
    type_annotation_map = {  # noqa: RUF012
        str: Text,
        bytes: LargeBinary,
        datetime: DateTime(timezone=True),
    }
