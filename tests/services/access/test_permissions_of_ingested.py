"""Access to ingested assets follows the storage's entries, and manual grouping grants no further access."""

import uuid

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.access.acl import ALL_PERMISSIONS, AclEntry, Actor, PrincipalKind
from models.catalog.asset import Asset
from models.catalog.file import File
from models.catalog.storage import Storage
from services.grouping.manual import split_manually
from tests.pipeline import Pipeline


def rights_on(session: Session, asset_id: uuid.UUID) -> dict[uuid.UUID, tuple[str, ...]]:
    rows = session.scalars(select(AclEntry).where(AclEntry.object_type == "assets", AclEntry.object_id == asset_id))
    return {row.principal_id: tuple(row.permissions) for row in rows}


def test_the_owner_of_a_storage_gets_all_four_and_its_readers_read(pipeline: Pipeline) -> None:
    owner, readers = uuid.uuid4(), uuid.uuid4()
    with pipeline.sessions.begin() as session:
        storage = session.scalars(select(Storage)).one()
        storage.owner_id = owner
        session.add(
            AclEntry(
                object_id=storage.id,
                object_type="storages",
                principal_id=readers,
                principal_kind=PrincipalKind.GROUP,
                permissions=["read"],
            )
        )
    (pipeline.root / "take.mov").write_bytes(b"take")
    pipeline.settle()
    with pipeline.sessions() as session:
        asset = session.scalars(select(Asset)).one()
        assert asset.created_by_user == owner
        assert rights_on(session, asset.id) == {owner: ALL_PERMISSIONS, readers: ("read",)}


def test_an_asset_that_is_split_off_has_the_rights_of_its_source(pipeline: Pipeline) -> None:
    (pipeline.root / "dive_L.mov").write_bytes(b"left")
    (pipeline.root / "dive_R.mov").write_bytes(b"right")
    pipeline.settle()
    person = uuid.uuid4()
    with pipeline.sessions.begin() as session:
        source = session.scalars(select(Asset)).one()
        session.add(
            AclEntry(
                object_id=source.id,
                object_type="assets",
                principal_id=person,
                principal_kind=PrincipalKind.USER,
                permissions=["read"],
            )
        )
        eye = session.scalars(select(File.id).where(File.name == b"dive_R.mov")).one()
        made = split_manually(session, [eye], Actor("an editor", is_admin=True))
        assert rights_on(session, made.id) == {person: ("read",)}


def test_an_automatic_merge_leaves_rights_to_those_who_had_them_on_both_until_they_part(
    pipeline: Pipeline,
) -> None:
    """Alice owns both, bob reads and writes the one that survives, carol reads the one that ends."""
    alice, bob, carol = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
    left, right = pipeline.root / "dive_L.mov", pipeline.root / "jump_R.mov"
    for path in (left, right):
        path.write_bytes(path.name.encode())
    pipeline.settle()
    held = {
        "dive_L": {alice: ALL_PERMISSIONS, bob: ("read", "write"), carol: ("read",)},
        "jump_R": {alice: ALL_PERMISSIONS, carol: ("read", "write")},
    }
    with pipeline.sessions.begin() as session:
        ids = {asset.title: asset.id for asset in session.scalars(select(Asset))}
        for title, entries in held.items():
            session.add_all(
                AclEntry(
                    object_id=ids[title],
                    object_type="assets",
                    principal_id=who,
                    principal_kind=PrincipalKind.USER,
                    permissions=list(permissions),
                )
                for who, permissions in entries.items()
            )
    right.rename(pipeline.root / "dive_R.mov")
    pipeline.settle()
    with pipeline.sessions() as session:
        survivor = session.scalars(select(Asset).where(Asset.merged_into.is_(None))).one()
        (ended,) = set(ids.values()) - {survivor.id}
        assert rights_on(session, survivor.id) == {alice: ALL_PERMISSIONS, carol: ("read",)}
        assert rights_on(session, ended) in [dict(entries) for entries in held.values()]
    (pipeline.root / "dive_R.mov").rename(right)
    pipeline.settle()
    with pipeline.sessions() as session:
        for title, asset_id in ids.items():
            rights = {who: set(permissions) for who, permissions in rights_on(session, asset_id).items()}
            assert rights == {who: set(permissions) for who, permissions in held[title].items()}, title
