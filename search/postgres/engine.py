"""PostgreSQL engine: full-text search in the main database, for systems without a search server.

It stores separate documents instead of querying the catalogue tables, for three reasons: a query with permissions and
facets needs one index, however many tables an asset has; its results equal those of OpenSearch; and switching engines
is a reindex.
"""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Text,
    and_,
    delete,
    func,
    literal,
    literal_column,
    null,
    select,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from models.core.sessions import Sessions, is_statement_timeout, limit_statements, transact
from models.core.statements import AnySelect, execute_dml
from models.queues.index_mark import SearchDocument
from models.queues.index_queue import DocumentKey
from search.document import Document
from search.engine import (
    MAX_FACET_BUCKETS,
    SEARCH_STATEMENT_SECONDS,
    FacetBucket,
    SearchHit,
    SearchResults,
    SearchTooSlowError,
    StoredRevision,
    WriteOutcome,
)
from search.highlighting import build_hit
from search.postgres.writer import upsert_documents
from search.query.criteria import Criteria, Visibility
from search.query.ordering import sort_values_as_json, sql_search_after, sql_sort_columns
from search.query.sql_predicates import criteria_clause, sql_term_clause, term_values


class PostgresEngine:
    """Documents in `search_document`; every method is a short transaction."""

    indexes = None

    def __init__(self, sessions: Sessions, search_seconds: float = SEARCH_STATEMENT_SECONDS) -> None:
        self._sessions = sessions
        self._search_seconds = search_seconds

    def check(self, look: bool = False) -> None:
        """Do nothing: the caller is connected to the same database."""

    def find_write_blocks(self) -> list[str]:
        """Return nothing: the database is written like all rows."""
        return []

    def close(self) -> None:
        """Do nothing: the caller owns the connections."""

    def write(self, documents: Sequence[Document], targets: Sequence[str] = ()) -> list[WriteOutcome]:
        """Store documents that are not older than the stored ones."""
        return upsert_documents(self._sessions, documents)

    def search(self, criteria: Criteria, visibility: Visibility) -> SearchResults:
        """Execute criteria: total and facets in one statement, the page of hits in another."""
        try:
            with self._sessions() as session:
                limit_statements(session, self._search_seconds)
                total, facets = _count(session, criteria, visibility)
                return SearchResults(total, _hits(session, criteria, visibility) if total else [], facets)
        except OperationalError as error:
            if is_statement_timeout(error):
                raise SearchTooSlowError from None
            raise

    def revisions(
        self, object_type: str, after: uuid.UUID | None = None, limit: int = 10_000, target: str | None = None
    ) -> list[StoredRevision]:
        """Return stored revisions by id, including tombstones."""
        query = (
            select(SearchDocument.object_id, SearchDocument.revision, SearchDocument.deleted)
            .where(SearchDocument.object_type == object_type)
            .order_by(SearchDocument.object_id)
            .limit(limit)
        )
        if after is not None:
            query = query.where(SearchDocument.object_id > after)
        with self._sessions() as session:
            return [StoredRevision(*row) for row in session.execute(query)]

    def revisions_of(self, keys: Sequence[DocumentKey], target: str | None = None) -> dict[DocumentKey, StoredRevision]:
        """Return the stored revisions of `keys`."""
        query = select(
            SearchDocument.object_type, SearchDocument.object_id, SearchDocument.revision, SearchDocument.deleted
        ).where(_is_one_of(keys))
        with self._sessions() as session:
            return {DocumentKey(row[0], row[1]): StoredRevision(*row[1:]) for row in session.execute(query)}

    def purge(self, keys: Sequence[DocumentKey]) -> int:
        """Delete the tombstones among `keys`; return their number."""
        statement = delete(SearchDocument).where(_is_one_of(keys), SearchDocument.deleted)
        return transact(self._sessions, execute_dml, statement)


def _is_one_of(keys: Sequence[DocumentKey]) -> ColumnElement[bool]:
    """Return a condition on `keys` with two array parameters, regardless of their number."""
    wanted = (
        func.unnest(
            literal([key.object_type for key in keys], ARRAY(Text)),
            literal([key.object_id for key in keys], ARRAY(SearchDocument.object_id.type)),
        )
        .table_valued("object_type", "object_id")
        .render_derived()
    )
    return tuple_(SearchDocument.object_type, SearchDocument.object_id).in_(
        select(wanted.c.object_type, wanted.c.object_id)
    )


def _facet_filters_clause(criteria: Criteria) -> ColumnElement[bool]:
    """Return the filters that facets ignore."""
    return and_(true(), *map(sql_term_clause, criteria.facets_filters))


def _count(session: Session, criteria: Criteria, visibility: Visibility) -> tuple[int, dict[str, list[FacetBucket]]]:
    """Return total and facets; matching documents are found once for both."""
    values = [
        func.jsonb_build_array(SearchDocument.object_type) if name == "object_type" else term_values(name)
        for name in criteria.facets
    ]
    found = (
        select(
            _facet_filters_clause(criteria).label("kept"),
            *(value.label(f"f{place}") for place, value in enumerate(values)),
        )
        .where(criteria_clause(criteria, visibility))
        .cte("found")
    )
    total = select(literal(-1).label("facet"), null().cast(JSONB).label("key"), func.count().label("documents")).where(
        found.c.kept
    )
    rows = session.execute(union_all(total, *(_facet(found, place) for place in range(len(values))))).all()
    facets: dict[str, list[FacetBucket]] = {name: [] for name in criteria.facets}
    for place, key, documents in rows:
        if place >= 0:
            shown_key = str(key).lower() if isinstance(key, bool) else key
            facets[criteria.facets[place]].append(FacetBucket(shown_key, documents))
    for buckets in facets.values():
        buckets.sort(key=lambda bucket: (-bucket.doc_count, str(bucket.key)))
    return next(documents for place, _, documents in rows if place == -1), facets


def _facet(found: Any, place: int) -> AnySelect:
    """Return the most frequent values of a facet; equal lists are counted before they are expanded."""
    column = found.c[f"f{place}"]
    alike = select(column.label("values"), func.count().label("documents")).group_by(column).subquery(f"alike{place}")
    each = func.jsonb_array_elements(alike.c["values"]).table_valued("value").render_derived(f"each{place}")
    documents = func.sum(alike.c.documents)
    counted = (
        select(literal(place), each.c.value.cast(JSONB), documents.cast(BigInteger))
        .select_from(alike)
        .join(each, true())
        .group_by(each.c.value)
        .order_by(documents.desc(), literal_column(f"each{place}.value::text").collate("C"))
        .limit(MAX_FACET_BUCKETS)
    )
    return select(counted.subquery())


def _hits(session: Session, criteria: Criteria, visibility: Visibility) -> list[SearchHit]:
    """Return one page of hits."""
    columns = sql_sort_columns(criteria)
    query: AnySelect = (
        select(
            SearchDocument.object_type,
            SearchDocument.object_id,
            SearchDocument.title,
            SearchDocument.date_created,
            SearchDocument.terms,
            SearchDocument.body,
            *(column.expression.label(f"sort{place}") for place, column in enumerate(columns)),
        )
        .where(criteria_clause(criteria, visibility), _facet_filters_clause(criteria))
        .order_by(*(column.ordered() for column in columns))
        .limit(criteria.per_page)
    )
    if criteria.search_after:
        query = query.where(sql_search_after(columns, criteria.search_after))
    else:
        query = query.offset((criteria.page - 1) * criteria.per_page)
    return [
        build_hit(criteria, DocumentKey(kind, object_id), title, created, terms, body, sort_values_as_json(place))
        for kind, object_id, title, created, terms, body, *place in session.execute(query)
    ]
