"""History: one entry and thousands by COPY are the same rows."""

import uuid

import pytest
from sqlalchemy import select

from models.access.acl import Actor, Guest
from models.catalog.history import History, Operation
from models.core.sessions import Sessions
from services.core.history import HistoryEntry, copy_history, record_history

OPERATION, USER, SHARE, GUEST, JOB = (uuid.UUID(int=number) for number in range(1, 6))
ACTORS = {
    "a user": Actor("Ada", user_id=USER),
    "a request with an idempotency key": Actor("Ada", user_id=USER, operation_id=OPERATION),
    "a guest": Actor("Guest", guest=Guest(SHARE, GUEST, "", "assets", USER, "clip", frozenset(), frozenset())),
    "a process": Actor("ingest"),
}
DETAILS = {"merged_into": str(USER), "was": {"title": "Größe", "formats": [1, None]}}


@pytest.mark.parametrize("job_id", [None, JOB])
@pytest.mark.parametrize("name", ACTORS)
def test_a_copied_entry_drops_nothing_that_a_single_one_has(
    sessions: Sessions, name: str, job_id: uuid.UUID | None
) -> None:
    actor, single, copied = ACTORS[name], uuid.uuid4(), uuid.uuid4()
    with sessions.begin() as session:
        record_history(session, single, Operation.CUSTOM, "merged", actor, job_id=job_id, details=DETAILS)
        copy_history(session, [HistoryEntry(copied, Operation.CUSTOM, "merged", DETAILS)], actor, job_id)
    with sessions() as session:
        rows = {row.asset_id: row for row in session.scalars(select(History))}
    first, second = rows[single], rows[copied]
    own = {"id", "asset_id", "version_id", "operation_id", "date_created"}
    for column in {column.key for column in History.__mapper__.column_attrs} - own:
        assert getattr(second, column) == getattr(first, column), column
    assert second.version_id == copied
    assert second.details == DETAILS
    assert (second.operation_id is None) == (actor.operation_id is None)


def test_an_entry_may_name_another_actor_than_the_one_that_writes(sessions: Sessions) -> None:
    entry = HistoryEntry(uuid.uuid4(), Operation.METADATA, "set", actor_name="sidecar clip.xml")
    with sessions.begin() as session:
        copy_history(session, [entry], Actor("sidecar", user_id=USER))
        copy_history(session, [], Actor("sidecar"))
    with sessions() as session:
        (row,) = session.scalars(select(History)).all()
    assert (row.actor, row.user_id, row.details) == ("sidecar clip.xml", USER, {})
