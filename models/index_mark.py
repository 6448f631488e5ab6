"""The index queue: which documents differ from their rows, and since when.

Why marks stand in Postgres, and are made by triggers:

1. the mark commits with the change or not at all, so nothing that was updated stays unindexed;
2. the revision that a document carries is taken under the row's lock, so it never goes backwards;
3. a hundred thousand changed documents are one statement, and draining them is one bulk request.
"""

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, Index, Sequence, text
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Big

REVISION = Sequence("index_revision", metadata=Base.metadata)


class IndexMark(Base):
    """One row for every object that has a document, narrow because every change writes it; outlives its object."""

    __tablename__ = "index_mark"
    __table_args__ = (
        Index("ix_index_mark_dirty", "narrowed", "dirty_since", postgresql_where=text("dirty_since IS NOT NULL")),
        {"postgresql_with": {"fillfactor": "60"}},
    )

    object_type: Mapped[str] = mapped_column(primary_key=True)
    object_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    revision: Mapped[Big]
    dirty_since: Mapped[datetime | None]
    """Null once the document of `revision` is in the engine."""
    narrowed: Mapped[bool] = mapped_column(server_default=text("false"))
    """Fewer may see it than the document says: left out at query time until drained."""
    errors: Mapped[int] = mapped_column(server_default="0")
    error: Mapped[str | None]
    parked_at: Mapped[datetime | None]
    lease_until: Mapped[datetime | None]
    marked_by: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """The transaction that marked last: a second mark of the same transaction writes nothing."""


class SearchDocument(Base):
    """The Postgres engine's own table: whole documents, versioned by revision, a tombstone where the object is gone."""

    __tablename__ = "search_document"
    __table_args__ = (
        Index("ix_search_document_tokens", "tokens", postgresql_using="gin"),
        Index(
            "ix_search_document_terms",
            "terms",
            postgresql_using="gin",
            postgresql_ops={"terms": "jsonb_path_ops"},
        ),
    )

    object_type: Mapped[str] = mapped_column(primary_key=True)
    object_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    revision: Mapped[Big]
    deleted: Mapped[bool] = mapped_column(server_default=text("false"))
    title: Mapped[str]
    date_created: Mapped[datetime]
    tokens: Mapped[str] = mapped_column(TSVECTOR)
    terms: Mapped[dict[str, list[object]]] = mapped_column(JSONB)
    """What criteria and facets ask: name to a list of values."""
    body: Mapped[dict[str, object]] = mapped_column(JSONB)
    """What a hit shows."""
