"""Nothing that a search shows changes without a mark, and nothing else makes one."""

import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.orm import Session

from models.catalog.asset import Asset, AssetStatus, FileSet, Format
from models.core.base import new_id
from models.core.sessions import Sessions, make_sessions
from models.migrations.marking import BULK
from models.queues.index_mark import IndexMark
from models.queues.index_queue import SentDocument, acknowledge_marks
from tests.engines import open_engine
from tests.search.rows import add_asset, add_clip, add_file_set, add_format
from tests.waiting import wait_until


@pytest.fixture
def sessions(database_url: str) -> Iterator[Sessions]:
    with open_engine(database_url) as engine:
        yield make_sessions(engine)


def mark_of(sessions: Sessions, asset_id: uuid.UUID) -> IndexMark | None:
    with sessions() as session:
        return session.get(IndexMark, ("assets", asset_id))


def drain_all(sessions: Sessions) -> None:
    """Clear every mark, as if its document were written."""
    with sessions.begin() as session:
        sent = [
            SentDocument(mark.object_type, mark.object_id, mark.revision) for mark in session.scalars(select(IndexMark))
        ]
        acknowledge_marks(session, sent, session.scalar(select(func.now())))


def marked_by(sessions: Sessions, change: Callable[[Session], Any]) -> set[uuid.UUID]:
    """The assets that a change of clean documents makes dirty."""
    drain_all(sessions)
    with sessions.begin() as session:
        change(session)
    with sessions() as session:
        return set(session.scalars(select(IndexMark.object_id).where(IndexMark.dirty_since.is_not(None))))


@pytest.fixture
def clip(sessions: Sessions) -> uuid.UUID:
    with sessions.begin() as session:
        return add_clip(session, "clip")


def test_a_new_asset_is_marked_once_for_all_that_its_transaction_writes(sessions: Sessions) -> None:
    with sessions.begin() as session:
        asset_id = add_asset(session, "clip")
        revision = session.scalar(select(IndexMark.revision))
        add_file_set(session, asset_id, add_format(session, asset_id), ["clip.mov"])
        session.execute(update(Asset).values(title="other"))
    mark = mark_of(sessions, asset_id)
    assert (mark.revision, mark.narrowed, mark.bulk) == (revision, False, False)
    assert mark.dirty_since is not None


ASSET_CHANGES = {
    "title": "other",
    "external_id": "X1",
    "type": "CUSTOM",
    "is_online": False,
    "created_by_user": new_id(),
    "date_created": func.now(),
    "date_modified": func.now(),
}
FORMAT_CHANGES = {
    "name": "PPRO",
    "role": "transcode",
    "structure": "image_sequence",
    "is_online": False,
    "warnings": ["gap"],
}
FILE_SET_CHANGES = {
    "label": "left",
    "name": "other.mov",
    "base_dir": "day2",
    "status": "DELETED",
    "file_count": 5,
    "size_bytes": 7,
    "names": "other.mov",
    "frames": "1-5",
    "missing_frames": 2,
    "missing": "3",
}


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        (table, column, value)
        for table, changes in ((Asset, ASSET_CHANGES), (Format, FORMAT_CHANGES), (FileSet, FILE_SET_CHANGES))
        for column, value in changes.items()
    ],
)
def test_every_shown_column_marks(sessions: Sessions, clip: uuid.UUID, table: Any, column: str, value: Any) -> None:
    with sessions.begin() as session:
        other = add_clip(session, "other")
    key = Asset.id if table is Asset else table.asset_id
    change = update(table).where(key == clip).values({column: value})
    assert marked_by(sessions, lambda session: session.execute(change)) == {clip}
    assert mark_of(sessions, other).dirty_since is None


@pytest.mark.parametrize(
    "change",
    [
        update(Asset).values(title=Asset.title, is_online=True, external_id=None),
        update(Asset).values(title_by_hand=True),
        update(Format).values(rule="other", name=Format.name, warnings=[]),
        update(FileSet).values(note="a note", size_bytes=FileSet.size_bytes),
        update(Asset).where(Asset.title == "nobody").values(title="x"),
    ],
)
def test_a_write_that_shows_nothing_new_marks_nothing(sessions: Sessions, clip: uuid.UUID, change: Any) -> None:
    before = mark_of(sessions, clip).revision
    assert marked_by(sessions, lambda session: session.execute(change)) == set()
    assert mark_of(sessions, clip).revision == before


def test_what_comes_and_goes_below_an_asset_marks_it(sessions: Sessions, clip: uuid.UUID) -> None:
    assert marked_by(sessions, lambda session: add_format(session, clip, role="transcode")) == {clip}
    assert marked_by(sessions, lambda session: session.execute(delete(FileSet))) == {clip}
    assert marked_by(sessions, lambda session: session.execute(delete(Format))) == {clip}
    assert mark_of(sessions, clip).narrowed is False


def test_a_format_that_moves_marks_where_it_was_and_where_it_is(sessions: Sessions, clip: uuid.UUID) -> None:
    with sessions.begin() as session:
        other = add_asset(session, "other")
        add_asset(session, "third")
    move = update(Format).values(asset_id=other)
    assert marked_by(sessions, lambda session: session.execute(move)) == {clip, other}


@pytest.mark.parametrize(
    "change",
    [
        update(Asset).values(status=AssetStatus.DELETED),
        update(Asset).values(merged_into=new_id()),
        delete(Asset),
    ],
)
def test_what_a_delete_or_a_merge_takes_away_is_narrowed_and_its_mark_stays(
    sessions: Sessions, clip: uuid.UUID, change: Any
) -> None:
    assert marked_by(sessions, lambda session: session.execute(change)) == {clip}
    assert mark_of(sessions, clip).narrowed


def test_a_delete_narrows_also_where_the_same_transaction_marked_before(sessions: Sessions, clip: uuid.UUID) -> None:
    def rename_and_delete(session: Session) -> None:
        session.execute(update(Asset).values(title="other"))
        session.execute(update(Asset).values(status="DELETED"))

    assert marked_by(sessions, rename_and_delete) == {clip}
    assert mark_of(sessions, clip).narrowed


def test_a_restore_marks_without_narrowing(sessions: Sessions, clip: uuid.UUID) -> None:
    marked_by(sessions, lambda session: session.execute(update(Asset).values(status="DELETED")))
    assert marked_by(sessions, lambda session: session.execute(update(Asset).values(status="ACTIVE"))) == {clip}
    assert mark_of(sessions, clip).narrowed is False


def test_a_mark_comes_with_its_commit_and_goes_with_its_rollback(sessions: Sessions, clip: uuid.UUID) -> None:
    drain_all(sessions)
    before = mark_of(sessions, clip).revision
    with sessions() as session:
        session.execute(update(Asset).values(title="other"))
        assert mark_of(sessions, clip).dirty_since is None
        session.rollback()
    assert (mark_of(sessions, clip).revision, mark_of(sessions, clip).dirty_since) == (before, None)


def test_a_mark_made_in_a_savepoint_that_is_undone_is_made_again(sessions: Sessions, clip: uuid.UUID) -> None:
    def rename_twice(session: Session) -> None:
        savepoint = session.begin_nested()
        session.execute(update(Asset).values(title="undone"))
        savepoint.rollback()
        session.execute(update(Asset).values(title="done"))

    assert marked_by(sessions, rename_twice) == {clip}


def test_the_revision_of_whoever_commits_last_is_the_highest(sessions: Sessions, clip: uuid.UUID) -> None:
    """The second writer waits for the first one's row; a revision taken before the wait would be the lower one."""
    with sessions() as first:
        first.execute(update(Format).values(name="first"))
        second = threading.Thread(target=change_file_set, args=(sessions,))
        second.start()
        wait_until(lambda: is_somebody_waiting(sessions), what="the second writer waits for the mark")
        first.execute(text("SELECT nextval('index_revision')"))
        at_first = first.scalar(select(IndexMark.revision))
        first.commit()
    second.join()
    assert mark_of(sessions, clip).revision > at_first + 1


def change_file_set(sessions: Sessions) -> None:
    with sessions.begin() as session:
        session.execute(update(FileSet).values(label="second"))


def is_somebody_waiting(sessions: Sessions) -> bool:
    query = text("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
    with sessions() as session:
        return session.execute(query).scalar_one()


def test_writers_of_the_same_documents_lose_no_mark(sessions: Sessions) -> None:
    with sessions.begin() as session:
        ids = [add_clip(session, f"clip {number}") for number in range(20)]
    revisions: list[int] = []

    def write(column: str) -> None:
        for number in range(15):
            with sessions.begin() as session:
                session.execute(update(Asset).where(Asset.id == ids[0]).values({column: f"{column} {number}"}))
                revisions.append(session.scalar(select(IndexMark.revision).where(IndexMark.object_id == ids[0])))

    writers = [threading.Thread(target=write, args=(column,)) for column in ("title", "external_id")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(set(revisions)) == 30
    assert mark_of(sessions, ids[0]).revision == max(revisions)


def test_one_statement_over_many_objects_is_a_flood_and_a_single_change_takes_one_out_of_it(sessions: Sessions) -> None:
    with sessions.begin() as session:
        ids = [add_asset(session, "clip") for _ in range(BULK + 1)]
    drain_all(sessions)
    with sessions.begin() as session:
        session.execute(update(Asset).values(title="all"))
    assert {mark_of(sessions, asset_id).bulk for asset_id in ids[:3]} == {True}
    with sessions.begin() as session:
        session.execute(update(Asset).where(Asset.id == ids[0]).values(title="one"))
    with sessions.begin() as session:
        session.execute(update(Asset).values(title="all again"))
    assert [mark_of(sessions, asset_id).bulk for asset_id in ids[:2]] == [False, True]


def test_many_rows_of_one_object_are_no_flood(sessions: Sessions, clip: uuid.UUID) -> None:
    with sessions.begin() as session:
        format_id = session.scalar(select(Format.id))
        for number in range(BULK + 1):
            add_file_set(session, clip, format_id, [f"{number}.wav"])
    assert marked_by(sessions, lambda session: session.execute(update(FileSet).values(label="x"))) == {clip}
    assert mark_of(sessions, clip).bulk is False


def test_a_hundred_thousand_marks_are_one_statement(sessions: Sessions) -> None:
    fill = text("INSERT INTO asset (id, title) SELECT gen_random_uuid(), 'clip' FROM generate_series(1, 100000)")
    with sessions.begin() as session:
        session.execute(fill)
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(IndexMark).where(IndexMark.bulk)) == 100_000
