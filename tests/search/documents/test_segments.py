"""Segments in the index: readers of the asset find them, and what hides the asset hides them at once."""

import uuid
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from models.access.acl import AclEntry, PrincipalKind
from models.catalog.segment import Segment
from models.core.base import new_id
from models.core.sessions import Sessions
from models.queues.index_queue import SEGMENTS_OF_ASSET, DocumentKey, access_reduced_keys
from search.document import Document
from search.documents.builders import build_documents
from search.documents.segments import segment_title
from search.engine import SearchEngine
from search.query.criteria import Visibility
from tests.search.asking import found
from tests.search.rows import add_asset


def add_segment(session: Session, asset_id: uuid.UUID, said: str, kind: str = "COMMENT", **columns: Any) -> uuid.UUID:
    """Build a segment without an author."""
    segment_id = new_id()
    values = {"version_id": asset_id, "made_on": asset_id, "segment_type": kind, "segment_text": said} | columns
    session.add(Segment(id=segment_id, asset_id=asset_id, **values))
    session.flush()
    return segment_id


def add_reader(session: Session, asset_id: uuid.UUID) -> uuid.UUID:
    who = new_id()
    entry = AclEntry(object_id=asset_id, object_type="assets", principal_id=who, permissions=["read"])
    entry.principal_kind = PrincipalKind.USER
    session.add(entry)
    session.flush()
    return who


def document_of(sessions: Sessions, kind: str, object_id: uuid.UUID) -> Document:
    with sessions() as session:
        return build_documents(session, [DocumentKey(kind, object_id)])[0]


def clean(sessions: Sessions) -> None:
    with sessions.begin() as session:
        session.execute(text("UPDATE index_mark SET dirty_since = NULL, narrowed = false"))


DIRTY = text("SELECT object_type, object_id, narrowed FROM index_mark WHERE dirty_since IS NOT NULL")


def dirty(sessions: Sessions) -> dict[tuple[str, uuid.UUID], bool]:
    """What is marked, and whether as narrowed."""
    with sessions() as session:
        rows = session.execute(
            text("SELECT object_type, object_id, narrowed FROM index_mark WHERE dirty_since IS NOT NULL")
        )
        return {(row[0], row[1]): row[2] for row in rows}


@pytest.fixture
def stocked(sessions: Sessions) -> tuple[uuid.UUID, uuid.UUID, uuid.UUID]:
    """An asset with a comment and a reader."""
    with sessions.begin() as session:
        asset = add_asset(session, "plate")
        made = add_segment(session, asset, "too dark", time_start_milliseconds=1_000, time_end_milliseconds=2_000)
        return asset, made, add_reader(session, asset)


def test_a_document_says_what_when_and_who_reads(
    sessions: Sessions, stocked: tuple[uuid.UUID, uuid.UUID, uuid.UUID]
) -> None:
    asset, made, reader = stocked
    document = document_of(sessions, "segments", made)
    assert (document.title, document.texts) == ("too dark", {"segment_text": "too dark"})
    assert document.terms["asset_id"] == [str(asset)]
    assert document.terms["time_start_milliseconds"] == [1_000]
    assert document.readers == [f"user:{reader}"]
    of_asset = document_of(sessions, "assets", asset)
    assert (of_asset.texts["segment_text"], of_asset.terms["comments_count"]) == ("too dark", [1])


def test_a_segment_that_says_nothing_is_called_by_its_type() -> None:
    assert segment_title("MARKER", " \n ") == "MARKER"
    assert segment_title("COMMENT", "a\nb" + "c" * 1_000) == "a b" + "c" * 197


def test_an_asset_shows_comments_alone(sessions: Sessions, stocked: tuple[uuid.UUID, uuid.UUID, uuid.UUID]) -> None:
    asset, made, _ = stocked
    clean(sessions)
    with sessions.begin() as session:
        spoken = add_segment(session, asset, "hello", "TRANSCRIPTION")
    assert dirty(sessions) == {("segments", spoken): False}
    document = document_of(sessions, "segments", spoken)
    assert document.texts == {"segment_text": "hello", "transcription_text": "hello"}
    clean(sessions)
    with sessions.begin() as session:
        session.execute(text("UPDATE segment SET segment_color = 'red' WHERE id = :id"), {"id": made})
    assert dirty(sessions) == {("segments", made): False}
    with sessions.begin() as session:
        session.execute(text("UPDATE segment SET status = 'DELETED' WHERE id = :id"), {"id": made})
    assert dirty(sessions) == {("segments", made): True, ("assets", asset): False}
    assert document_of(sessions, "segments", made).deleted
    assert "segment_text" not in document_of(sessions, "assets", asset).texts


def test_what_narrows_an_asset_narrows_its_segments_and_is_one_key_a_query(
    sessions: Sessions, stocked: tuple[uuid.UUID, uuid.UUID, uuid.UUID]
) -> None:
    asset, made, reader = stocked
    with sessions.begin() as session:
        others = [add_segment(session, asset, f"line {number}", "TRANSCRIPTION") for number in range(20)]
    changes = [
        ("DELETE FROM acl_entry WHERE principal_id = :reader", True),
        ("INSERT INTO acl_entry (object_id, object_type, principal_id, principal_kind, permissions) "
         "VALUES (:asset, 'assets', :reader, 'user', '{read}')", False),
        ("UPDATE acl_entry SET permissions = '{write}' WHERE principal_id = :reader", True),
        ("UPDATE acl_entry SET permissions = '{read}' WHERE principal_id = :reader", False),
        ("UPDATE asset SET status = 'DELETED' WHERE id = :asset", True),
        ("UPDATE asset SET status = 'ACTIVE' WHERE id = :asset", False),
    ]  # fmt: skip
    for change, narrows in changes:
        clean(sessions)
        with sessions.begin() as session:
            session.execute(text(change), {"asset": asset, "reader": reader})
        marked = dirty(sessions)
        assert {marked["segments", one] for one in (made, *others)} == {narrows}, change
        with sessions() as session:
            keys = access_reduced_keys(session)
        hidden = {DocumentKey("assets", asset), DocumentKey(SEGMENTS_OF_ASSET, asset)} if narrows else set()
        assert keys == hidden, change


def test_what_shows_nothing_of_a_segment_marks_none(
    sessions: Sessions, stocked: tuple[uuid.UUID, uuid.UUID, uuid.UUID]
) -> None:
    asset, _, reader = stocked
    clean(sessions)
    with sessions.begin() as session:
        session.execute(text("UPDATE asset SET title = 'other' WHERE id = :asset"), {"asset": asset})
        session.execute(
            text("UPDATE acl_entry SET permissions = '{read,write}' WHERE principal_id = :r"), {"r": reader}
        )
    assert [kind for kind, _ in dirty(sessions)] == ["assets"]


def test_a_removed_asset_leaves_tombstones_of_its_segments(
    sessions: Sessions, stocked: tuple[uuid.UUID, uuid.UUID, uuid.UUID]
) -> None:
    asset, made, _ = stocked
    clean(sessions)
    with sessions.begin() as session:
        session.execute(text("DELETE FROM asset WHERE id = :asset"), {"asset": asset})
    assert dirty(sessions)["segments", made] is True
    assert document_of(sessions, "segments", made).deleted


def test_a_search_finds_segments_where_it_asks_for_them_and_none_of_a_hidden_asset(
    engine: SearchEngine, sessions: Sessions, stocked: tuple[uuid.UUID, uuid.UUID, uuid.UUID]
) -> None:
    asset, made, reader = stocked
    with sessions.begin() as session:
        elsewhere = add_segment(session, add_asset(session, "other"), "too dark", time_start_milliseconds=9_000)
        add_reader(session, asset)
    engine.write([document_of(sessions, "segments", each) for each in (made, elsewhere)])
    late = {"operator": "AND", "terms": [{"name": "time_start_milliseconds", "range": {"min": "5000"}}]}
    asked: dict[str, Any] = {"query": "dark", "doc_types": ["segments"]}
    assert sorted(found(engine, **asked)) == sorted([made.int, elsewhere.int])
    assert found(engine, query="dark") == []
    assert found(engine, **asked, filter=late) == [elsewhere.int]
    assert found(engine, Visibility(principals=frozenset({f"user:{reader}"})), **asked) == [made.int]
    hidden = frozenset({DocumentKey(SEGMENTS_OF_ASSET, asset)})
    assert found(engine, Visibility(everything=True, excluded=hidden), **asked) == [elsewhere.int]
