"""What a document holds of an asset's rows, and what it costs to build."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, delete, event, select, text, update

from models.access.acl import AclEntry
from models.catalog.asset import Asset
from models.catalog.storage import Storage
from models.core.base import new_id
from models.core.sessions import Sessions, read_snapshot
from models.queues.index_mark import IndexMark
from models.queues.index_queue import DocumentKey
from search.document import Document
from search.documents.assets import ASSET_PART_READERS
from search.documents.builders import build_documents, count_fitting_documents
from search.query.analysis import MAX_ANALYSED_BYTES
from tests.search.rows import add_asset, add_clip, add_file_set, add_format


def documents_of(sessions: Sessions, *ids: uuid.UUID) -> list[Document]:
    keys = [DocumentKey("assets", asset_id) for asset_id in ids]
    built = {document.object_id: document for document in read_snapshot(sessions, lambda s: build_documents(s, keys))}
    return [built[asset_id] for asset_id in ids]


@pytest.fixture
def statements(sessions: Sessions) -> Iterator[list[str]]:
    """Every statement that is sent, in order."""
    sent: list[str] = []
    engine: Engine = sessions.kw["bind"]

    def keep(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    event.listen(engine, "before_cursor_execute", keep)
    yield sent
    event.remove(engine, "before_cursor_execute", keep)


def test_a_document_is_the_whole_asset(sessions: Sessions) -> None:
    owner, group = new_id(), new_id()
    with sessions.begin() as session:
        storage = Storage(name="Rushes", root=b"/rushes")
        session.add(storage)
        session.flush()
        asset_id = add_asset(session, "Plate", external_id="ORD-1", created_by_user=owner)
        sequence = add_format(session, asset_id, "image_sequence")
        proxy = add_format(session, asset_id, "single", name="H264", role="transcode")
        frames = ["plate.1001.exr", "plate.1003.exr"]
        add_file_set(
            session,
            asset_id,
            sequence,
            frames,
            name="plate.[1001,1003].exr",
            base_dir="day1/A001",
            storage_id=storage.id,
            missing_frames=1,
            size_bytes=10,
        )
        add_file_set(session, asset_id, proxy, ["plate.mp4"], storage_id=storage.id, size_bytes=5)
        for principal, kind, inherited in ((owner, "user", None), (group, "group", None), (group, "group", new_id())):
            entry = AclEntry(object_id=asset_id, object_type="assets", principal_id=principal, principal_kind=kind)
            entry.permissions = ["read", "write"]
            if inherited:
                entry.inherited_from = inherited
            session.add(entry)
        session.add(
            AclEntry(
                object_id=asset_id,
                object_type="assets",
                principal_id=new_id(),
                principal_kind="user",
                permissions=["write"],
            )
        )
        storage_id = str(storage.id)
    (document,) = documents_of(sessions, asset_id)
    with sessions() as session:
        assert document.revision == session.scalar(select(IndexMark.revision))
    assert (document.title, document.deleted) == ("Plate", False)
    terms = dict(document.terms)
    assert len(terms.pop("date_created")) == len(terms.pop("date_modified")) == 1
    assert terms == {
        "title": ["Plate"],
        "status": ["ACTIVE"],
        "type": ["ASSET"],
        "media_type": ["video"],
        "is_online": [True],
        "approval_status": ["N/A"],
        "has_warning": [False],
        "verified_copies": [0],
        "format_kind": ["image_sequence", "transcode"],
        "format": ["ORIGINAL", "H264"],
        "storage_id": [storage_id],
        "missing_frames": [1],
        "size_bytes": [15],
        "file_count": [3],
        "external_id": ["ORD-1"],
        "created_by_user": [str(owner)],
    }
    assert document.texts == {
        "title": "Plate",
        "external_id": "ORD-1",
        "file_names": "plate.[1001,1003].exr\nplate.1001.exr\nplate.1003.exr\nplate.mp4",
        "folders": "day1/A001",
    }
    assert sorted(document.readers) == sorted([f"user:{owner}", f"group:{group}"])
    assert [(each["kind"], each["files"]) for each in document.body["formats"]] == [
        ("image_sequence", ["plate.[1001,1003].exr"]),
        ("transcode", ["plate.mp4"]),
    ]


@pytest.mark.parametrize(
    ("warned", "expected"), [([], False), (["original"], True), (["transcode"], True), (["sidecar"], True)]
)
def test_an_asset_has_a_warning_if_any_of_its_formats_has(
    sessions: Sessions, warned: list[str], expected: bool
) -> None:
    with sessions.begin() as session:
        asset_id = add_asset(session, "clip")
        for role in ("original", "transcode", "sidecar"):
            add_format(session, asset_id, role=role, warnings=["a.mov breaks off"] if role in warned else [])
    assert documents_of(sessions, asset_id)[0].terms["has_warning"] == [expected]


@pytest.mark.parametrize(
    ("structures", "media_type"),
    [
        (["single"], "video"),
        (["stereoscopic"], "video"),
        (["image_sequence"], "video"),
        (["audio"], "audio"),
        (["image"], "image"),
        (["document"], "document"),
        ([], "other"),
    ],
)
def test_the_media_type_is_what_the_original_is(sessions: Sessions, structures: list[str], media_type: str) -> None:
    with sessions.begin() as session:
        asset_id = add_asset(session, "clip")
        add_format(session, asset_id, "document", role="sidecar")
        add_format(session, asset_id, "single", role="transcode") if structures else None
        for structure in structures:
            add_format(session, asset_id, structure)
    assert documents_of(sessions, asset_id)[0].terms["media_type"] == [media_type]


def test_what_is_deleted_merged_or_gone_is_a_tombstone(sessions: Sessions) -> None:
    with sessions.begin() as session:
        deleted, merged, gone, here = (add_clip(session, title) for title in ("deleted", "merged", "gone", "here"))
    with sessions.begin() as session:
        session.execute(update(Asset).where(Asset.id == deleted).values(status="DELETED"))
        session.execute(update(Asset).where(Asset.id == merged).values(merged_into=here))
        session.execute(delete(Asset).where(Asset.id == gone))
    *tombstones, document = documents_of(sessions, deleted, merged, gone, here)
    assert not document.deleted
    for tombstone in tombstones:
        assert tombstone == Document("assets", tombstone.object_id, tombstone.revision, deleted=True)
        assert tombstone.revision > document.revision


def test_a_deleted_file_set_shows_nowhere(sessions: Sessions) -> None:
    with sessions.begin() as session:
        asset_id = add_clip(session, "clip", ["kept.mov"])
        format_id = add_format(session, asset_id)
        add_file_set(session, asset_id, format_id, ["dropped.mov"], status="DELETED", size_bytes=9)
    (document,) = documents_of(sessions, asset_id)
    assert "dropped" not in repr(document)
    assert (document.terms["file_count"], document.terms["size_bytes"]) == ([1], [0])


def test_building_costs_the_same_statements_for_one_asset_as_for_many(
    sessions: Sessions, statements: list[str]
) -> None:
    with sessions.begin() as session:
        ids = [add_clip(session, f"clip {number}") for number in range(50)]
    statements.clear()
    documents_of(sessions, ids[0])
    for_one = len(statements)
    statements.clear()
    documents_of(sessions, *ids)
    assert len(statements) == for_one == 3 + len(ASSET_PART_READERS)
    assert not any(" file " in statement or "file_set_file" in statement for statement in statements)


def test_revision_and_content_come_out_of_one_snapshot(sessions: Sessions) -> None:
    """A change between two queries of a build must show in neither."""
    with sessions.begin() as session:
        asset_id = add_clip(session, "before", ["before.mov"])
    with sessions() as session:
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        revision = session.scalar(select(IndexMark.revision))
        with sessions.begin() as other:
            other.execute(update(Asset).values(title="after"))
            other.execute(text("UPDATE file_set SET names = 'after.mov'"))
        (document,) = build_documents(session, [DocumentKey("assets", asset_id)])
    assert document.revision == revision
    assert (document.title, document.texts["file_names"]) == ("before", "before.mov")


def test_texts_are_cut_to_what_is_analysed_and_the_rest_is_counted(sessions: Sessions) -> None:
    names = [f"{number:0200}.mov" for number in range(1_000)]
    with sessions.begin() as session:
        asset_id = add_clip(session, "long", names)
        add_file_set(session, asset_id, add_format(session, asset_id), [f"take2_{name}" for name in names])
    (document,) = documents_of(sessions, asset_id)
    size = sum(len(whole.encode()) for whole in document.texts.values())
    assert size <= MAX_ANALYSED_BYTES
    assert document.body["text_cut_bytes"] > 0


def test_only_as_many_are_taken_as_fit_and_always_one(sessions: Sessions) -> None:
    with sessions.begin() as session:
        ids = [add_clip(session, "long", ["x" * 90_000]) for _ in range(5)] + [add_clip(session, "short")]
    keys = [DocumentKey("assets", asset_id) for asset_id in ids]
    with sessions() as session:
        assert count_fitting_documents(session, keys, 200_000) == 2
        assert count_fitting_documents(session, keys, 1) == 1
        assert count_fitting_documents(session, keys, 1_000_000) == 6


def test_undecodable_names_become_texts_that_every_engine_takes(sessions: Sessions) -> None:
    with sessions.begin() as session:
        asset_id = add_clip(session, "caf\ufffd", ["bad\\xff.mov", "line\nbreak.mov"])
    (document,) = documents_of(sessions, asset_id)
    assert document.texts["file_names"].split("\n") == ["bad\\xff.mov", "line", "break.mov"]
