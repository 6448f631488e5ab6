"""The index queue: which documents differ from their rows, and since when.

Why marks are stored in PostgreSQL and written by triggers:

1. The mark commits with the change or not at all, so no update stays unindexed.
2. The revision of a document is assigned under the row's lock, so it never goes backwards.
3. A hundred thousand changed documents are one statement, and draining them is one bulk request.
"""

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, Index, Sequence, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from models.core.base import Base, BigInt

INDEX_REVISION = Sequence("index_revision", metadata=Base.metadata)
IS_MARK_DUE = "dirty_since IS NOT NULL AND parked_at IS NULL"


class IndexMark(Base):
    """One row per object that has a document, kept narrow because every change writes it. Outlives its object."""

    __tablename__ = "index_mark"
    __table_args__ = (
        Index("ix_index_mark_due", "narrowed", "bulk", "dirty_since", postgresql_where=text(IS_MARK_DUE)),
        Index("ix_index_mark_narrowed", "object_type", "object_id", postgresql_where=text("narrowed")),
        Index("ix_index_mark_parked", "parked_at", postgresql_where=text("parked_at IS NOT NULL")),
        Index("ix_index_mark_gone", "gone_since", postgresql_where=text("gone_since IS NOT NULL")),
        {"postgresql_with": {"fillfactor": "60"}},
    )

    object_type: Mapped[str] = mapped_column(primary_key=True)
    object_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    revision: Mapped[BigInt]
    dirty_since: Mapped[datetime | None]
    """Null once the engine has the document of `revision`."""
    narrowed: Mapped[bool] = mapped_column(server_default=text("false"))
    """Access was reduced: fewer users may see the object than the indexed document says. Filtered from results until
    reindexed."""
    bulk: Mapped[bool] = mapped_column(server_default=text("false"))
    """Low priority (backfill): marked by one statement together with many others, and drained after single changes."""
    errors: Mapped[int] = mapped_column(server_default="0")
    error: Mapped[str | None]
    dead_lettered_at: Mapped[datetime | None] = mapped_column("parked_at")
    """Time of dead-lettering: the mark waits for an operator or for the next change of its object. Null while
    pending."""
    lease_until: Mapped[datetime | None]
    """Null while unclaimed; in the past if its drain died or an engine recently refused the document."""
    gone_since: Mapped[datetime | None]
    """Since when the object is known to be permanently gone: mark and tombstone are deleted after a while."""
    marked_by: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """Id of the transaction that marked last: marking again in the same transaction writes nothing."""
    trace: Mapped[str | None]
    """W3C traceparent of the oldest pending change; null unless tracing is on."""


class SearchDocument(Base):
    """Table of the PostgreSQL engine: whole documents, versioned by revision, with tombstones for objects that are
    gone."""

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
    revision: Mapped[BigInt]
    deleted: Mapped[bool] = mapped_column(server_default=text("false"))
    title: Mapped[str]
    title_key: Mapped[str] = mapped_column(Text(collation="C"))
    """The title, case-folded, for an order that is independent of the locale."""
    date_created: Mapped[datetime]
    """Creation time of the object; arbitrary for a tombstone."""
    tokens: Mapped[str] = mapped_column(TSVECTOR)
    terms: Mapped[dict[str, list[object]]] = mapped_column(JSONB)
    """Values for criteria and facets, by name."""
    readers: Mapped[list[str]] = mapped_column(ARRAY(Text))
    """Principals with read access: `user:ID` and `group:ID` of its ACL, `collection:ID` of the collections that contain
    it directly."""
    body: Mapped[dict[str, object]] = mapped_column(JSONB)
    """Content of a search hit."""
