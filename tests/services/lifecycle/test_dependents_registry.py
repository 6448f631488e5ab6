"""An asset's dependents move to the survivor of a merge, return at a split, and are deleted with a purge."""

import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.access.acl import AclEntry, Actor, PrincipalKind
from models.catalog.asset import Asset, AssetStatus, FileSet, Format, FormatRole
from models.catalog.file import DeclaredFile
from models.catalog.relation import Relation, RelationType
from models.core.base import new_id
from models.core.sessions import Sessions
from services.ingest.changeset import AssetUnmerge
from services.lifecycle.merge import DEPENDENT_KINDS, merge_into_survivors, unmerge_assets
from services.lifecycle.purge import purge_assets

Ids = dict[str, uuid.UUID]
TITLES = ("dead", "other dead", "survivor", "poster", "cut")


@pytest.fixture
def session(sessions: Sessions) -> Iterator[Session]:
    with sessions.begin() as session:
        yield session


@pytest.fixture
def assets(session: Session) -> Ids:
    made = {title: Asset(id=new_id(), title=title) for title in TITLES}
    kinds = [("belongs", True), ("beside", False)]
    session.add_all(made.values())
    session.add_all(
        RelationType(name=name, source_label="of", destination_label="has", is_directional=directional)
        for name, directional in kinds
    )
    session.flush()
    return {title: asset.id for title, asset in made.items()}


def relate(session: Session, assets: Ids, *ends: tuple[str, str], kind: str = "belongs") -> None:
    for source, target in ends:
        session.add(
            Relation(
                id=new_id(),
                asset_id=assets[source],
                relation_type=kind,
                related_to_asset_id=assets[target],
            )
        )
        session.flush()


def relations(session: Session, assets: Ids) -> set[tuple[str, str]]:
    titles = {asset_id: title for title, asset_id in assets.items()}
    rows = session.execute(select(Relation.asset_id, Relation.related_to_asset_id))
    return {(titles[source], titles[target]) for source, target in rows}


def merge(session: Session, assets: Ids, *pairs: tuple[str, str]) -> dict[uuid.UUID, dict[str, Any]]:
    return merge_into_survivors(session, [(assets[dead], assets[survivor]) for dead, survivor in pairs])


def part(session: Session, assets: Ids, title: str, holder: str, held: Mapping[uuid.UUID, Any]) -> None:
    unmerge_assets(session, [AssetUnmerge(assets[title], assets[holder], held[assets[title]])])


def test_relations_follow_the_survivor_but_for_those_that_it_has_already(session: Session, assets: Ids) -> None:
    before = [("dead", "poster"), ("cut", "dead"), ("survivor", "poster"), ("dead", "survivor")]
    relate(session, assets, *before)
    held = merge(session, assets, ("dead", "survivor"))
    assert relations(session, assets) == {
        ("survivor", "poster"),
        ("cut", "survivor"),
        ("dead", "poster"),
        ("dead", "survivor"),
    }
    part(session, assets, "dead", "survivor", held)
    assert relations(session, assets) == set(before)


def test_two_that_end_in_one_leave_it_one_relation_of_each_kind(session: Session, assets: Ids) -> None:
    before = [("dead", "poster"), ("other dead", "poster"), ("dead", "other dead")]
    relate(session, assets, *before)
    held = merge(session, assets, ("dead", "survivor"), ("other dead", "survivor"))
    assert relations(session, assets) == {("survivor", "poster"), ("other dead", "poster"), ("dead", "other dead")}
    part(session, assets, "dead", "survivor", held)
    part(session, assets, "other dead", "survivor", held)
    assert relations(session, assets) == set(before)


def test_a_relation_whose_both_ends_merge_leads_between_the_survivors(session: Session, assets: Ids) -> None:
    relate(session, assets, ("dead", "other dead"))
    held = merge(session, assets, ("dead", "survivor"), ("other dead", "cut"))
    assert relations(session, assets) == {("survivor", "cut")}
    part(session, assets, "other dead", "cut", held)
    assert relations(session, assets) == {("survivor", "other dead")}


def test_an_undirected_relation_that_the_survivor_has_the_other_way_round_stays(session: Session, assets: Ids) -> None:
    relate(session, assets, ("poster", "survivor"), ("dead", "poster"), kind="beside")
    merge(session, assets, ("dead", "survivor"))
    assert relations(session, assets) == {("poster", "survivor"), ("dead", "poster")}


def test_an_undirected_relation_comes_back_to_none_that_is_there_the_other_way_round(
    session: Session, assets: Ids
) -> None:
    relate(session, assets, ("dead", "poster"), kind="beside")
    held = merge(session, assets, ("dead", "survivor"))
    relate(session, assets, ("poster", "dead"), kind="beside")
    part(session, assets, "dead", "survivor", held)
    assert relations(session, assets) == {("survivor", "poster"), ("poster", "dead")}


def test_what_was_removed_or_made_in_between_stays_so(session: Session, assets: Ids) -> None:
    relate(session, assets, ("dead", "poster"), ("cut", "dead"))
    held = merge(session, assets, ("dead", "survivor"))
    session.delete(session.scalars(select(Relation).where(Relation.asset_id == assets["cut"])).one())
    relate(session, assets, ("survivor", "cut"))
    part(session, assets, "dead", "survivor", held)
    assert relations(session, assets) == {("dead", "poster"), ("survivor", "cut")}


def test_an_id_that_ended_before_answers_with_the_last_survivor_and_goes_back_with_its_own(
    session: Session, assets: Ids
) -> None:
    merge(session, assets, ("dead", "survivor"))
    held = merge(session, assets, ("survivor", "cut"))
    dead = session.get_one(Asset, assets["dead"], populate_existing=True)
    assert dead.merged_into == assets["cut"]
    part(session, assets, "survivor", "cut", held)
    session.refresh(dead)
    assert dead.merged_into == assets["survivor"]
    alive = session.get_one(Asset, assets["survivor"], populate_existing=True)
    assert (alive.merged_into, alive.status, alive.date_deleted) == (None, AssetStatus.ACTIVE, None)


def declare(session: Session, asset_id: uuid.UUID) -> tuple[Format, FileSet, DeclaredFile]:
    part = Format(
        id=new_id(),
        asset_id=asset_id,
        version_id=asset_id,
        name="lto",
        role=FormatRole.ORIGINAL,
        structure="single",
    )
    file_set = FileSet(id=new_id(), asset_id=asset_id, format_id=part.id, version_id=asset_id, name="a.mov")
    file = DeclaredFile(
        id=new_id(),
        asset_id=asset_id,
        file_set_id=file_set.id,
        name="a.mov",
        original_name="a.mov",
    )
    for row in (part, file_set, file):
        session.add(row)
        session.flush()
    return part, file_set, file


def test_declared_files_move_with_their_formats_and_back(session: Session, assets: Ids) -> None:
    rows = declare(session, assets["dead"])
    held = merge(session, assets, ("dead", "survivor"))
    for row in rows:
        session.refresh(row)
        assert row.asset_id == assets["survivor"]
    part(session, assets, "dead", "survivor", held)
    for row in rows:
        session.refresh(row)
        assert row.asset_id == assets["dead"]


def test_a_purge_leaves_nothing_of_an_asset_or_of_those_that_ended_in_it(session: Session, assets: Ids) -> None:
    merge(session, assets, ("other dead", "dead"))
    relate(session, assets, ("poster", "dead"))
    for title in ("dead", "other dead", "poster"):
        session.add(
            AclEntry(
                object_id=assets[title],
                object_type="assets",
                principal_id=new_id(),
                principal_kind=PrincipalKind.USER,
                permissions=["read"],
            )
        )
    gone = session.get_one(Asset, assets["dead"])
    gone.status, gone.date_deleted = AssetStatus.DELETED, func.now()
    session.flush()
    purge_assets(session, [assets["dead"]], Actor("purger", is_admin=True))
    assert set(session.scalars(select(Asset.title))) == {"survivor", "poster", "cut"}
    assert session.scalars(select(AclEntry.object_id)).all() == [assets["poster"]]
    assert relations(session, assets) == set()


def test_every_holding_has_a_name_of_its_own() -> None:
    assert len({holding.name for holding in DEPENDENT_KINDS}) == len(DEPENDENT_KINDS)
