"""A drain under test: assets to mark, an engine behind a network, and short questions to the queue."""

import uuid
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import text

from models.core.sessions import Sessions, transact
from models.core.timing import Timing
from models.queues.index_mark import IndexMark
from models.queues.index_queue import access_reduced_keys
from search.document import Document
from search.engine import WriteOutcome
from search.postgres.engine import PostgresEngine
from search.query.criteria import Visibility, parse_criteria
from tests.search.rows import add_clip

QUICK = Timing(lease_seconds=0.2)
CALM = Timing(lease_seconds=60)


class Remote(PostgresEngine):
    """An engine behind a network: what it answers, and what happens meanwhile, is the test's to say."""

    def __init__(self, sessions: Sessions, answer: Callable[[Sequence[Document]], None]) -> None:
        super().__init__(sessions)
        self.answer = answer
        self.batches: list[list[Document]] = []

    def write(self, documents: Sequence[Document], targets: Sequence[str] = ()) -> list[WriteOutcome]:
        self.batches.append(list(documents))
        self.answer(documents)
        return super().write(documents, targets)


def titles(sessions: Sessions, **body: Any) -> list[str]:
    """Titles of everything that is found, in order."""
    with sessions() as session:
        hidden = access_reduced_keys(session)
    criteria = parse_criteria({"sort": [{"name": "title"}]} | body, per_page=1_000)
    hits = PostgresEngine(sessions).search(criteria, Visibility(everything=True, excluded=hidden)).hits
    return [hit.title for hit in hits]


def ask(sessions: Sessions, question: Callable[[Any], Any]) -> Any:
    with sessions() as session:
        return question(session)


def mark_of(sessions: Sessions, asset_id: uuid.UUID) -> IndexMark:
    return ask(sessions, lambda session: session.get(IndexMark, ("assets", asset_id)))


def add(sessions: Sessions, *names: str) -> list[uuid.UUID]:
    """Assets, each in a transaction of its own."""
    return [transact(sessions, add_clip, name) for name in names]


def is_index_equal_to_rows(sessions: Sessions) -> bool:
    query = text(
        "SELECT count(*) FROM index_mark mark FULL JOIN search_document stored USING (object_type, object_id) "
        "WHERE mark.revision IS DISTINCT FROM stored.revision"
    )
    return ask(sessions, lambda session: session.scalar(query)) == 0
