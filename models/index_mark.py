"""The index queue: which documents differ from their rows, and since when.

Why marks stand in Postgres, and are made by triggers:

1. the mark commits with the change or not at all, so nothing that was updated stays unindexed;
2. the revision that a document carries is taken under the row's lock, so it never goes backwards;
3. a hundred thousand changed documents are one statement, and draining them is one bulk request.
"""

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, Index, Sequence, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Big

REVISION = Sequence("index_revision", metadata=Base.metadata)
DUE = "dirty_since IS NOT NULL AND parked_at IS NULL"


class IndexMark(Base):
    """One row for every object that has a document, narrow because every change writes it; outlives its object."""

    __tablename__ = "index_mark"
    __table_args__ = (
        Index("ix_index_mark_due", "narrowed", "bulk", "dirty_since", postgresql_where=text(DUE)),
        Index("ix_index_mark_narrowed", "object_type", "object_id", postgresql_where=text("narrowed")),
        Index("ix_index_mark_parked", "parked_at", postgresql_where=text("parked_at IS NOT NULL")),
        Index("ix_index_mark_gone", "gone_since", postgresql_where=text("gone_since IS NOT NULL")),
        {"postgresql_with": {"fillfactor": "60"}},
    )

    object_type: Mapped[str] = mapped_column(primary_key=True)
    object_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    revision: Mapped[Big]
    dirty_since: Mapped[datetime | None]
    """Null once the document of `revision` is in the engine."""
    narrowed: Mapped[bool] = mapped_column(server_default=text("false"))
    """Fewer may see it than the document says: left out at query time until drained."""
    bulk: Mapped[bool] = mapped_column(server_default=text("false"))
    """Marked together with many others by one statement: drained behind single updates."""
    errors: Mapped[int] = mapped_column(server_default="0")
    error: Mapped[str | None]
    parked_at: Mapped[datetime | None]
    """Since when it waits for a person or for the next change; null while it is to be drained."""
    lease_until: Mapped[datetime | None]
    """Null while nobody drains it; in the past where a drain died on it, or where an engine refused it lately."""
    gone_since: Mapped[datetime | None]
    """Since when its object is known to be gone for good: after a while mark and tombstone are forgotten."""
    marked_by: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """The transaction that marked last: a second mark of the same transaction writes nothing."""
    trace: Mapped[str | None]
    """The W3C traceparent of the change that waits longest; null where nothing is traced."""


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
        Index("ix_search_document_readers", "readers", postgresql_using="gin"),
        Index("ix_search_document_date_created", "date_created", "object_id", postgresql_where=text("NOT deleted")),
    )

    object_type: Mapped[str] = mapped_column(primary_key=True)
    object_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    revision: Mapped[Big]
    deleted: Mapped[bool] = mapped_column(server_default=text("false"))
    title: Mapped[str]
    title_key: Mapped[str] = mapped_column(Text(collation="C"))
    """The title folded, for an order that no locale changes."""
    date_created: Mapped[datetime]
    """The object's; of a tombstone any time."""
    tokens: Mapped[str] = mapped_column(TSVECTOR)
    terms: Mapped[dict[str, list[object]]] = mapped_column(JSONB)
    """What criteria and facets ask: name to a list of values."""
    readers: Mapped[list[str]] = mapped_column(ARRAY(Text))
    """Who may find it: `user:ID` and `group:ID` of its ACL, `collection:ID` of what directly holds it."""
    body: Mapped[dict[str, object]] = mapped_column(JSONB)
    """What a hit shows."""
