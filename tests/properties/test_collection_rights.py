"""For every tree, placement and entry, a user can read exactly what a simple model of the rules allows."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select, text

from models.access.acl import Actor, PrincipalKind, readable_by
from models.access.user import User
from models.catalog.asset import Asset
from models.catalog.collection import Collection
from models.core.sessions import Sessions, make_sessions, transact
from search.postgres.engine import PostgresEngine
from search.query.criteria import Criteria
from services.access.permissions import Principal, grant_permissions, revoke_permissions
from services.access.users import create_user
from services.catalog.assets.assets import create_empty_asset
from services.catalog.collections.collections import create_collection
from services.catalog.collections.contents import add_asset_to_collection, remove_asset_from_collection
from services.catalog.collections.tree import delete_collection, move_collection, restore_collection
from services.core.actors import SETUP_ACTOR, find_actor
from services.core.errors import DomainError
from services.indexing.drain import drain_index_queue
from services.searching.query import search_as
from tests.engines import open_engine
from tests.pipeline import FAST
from tests.properties.examples import examples

ADMIN = Actor("an administrator", is_admin=True)
TABLES = "collection, collection_asset, asset, acl_entry, index_mark, search_document"


class Tree(RuleBasedStateMachine):
    """The real operations beside a model of dicts; the permissions of one reader are compared after each step."""

    sessions: Sessions
    reader: uuid.UUID

    collections = Bundle("collections")
    assets = Bundle("assets")

    def __init__(self) -> None:
        super().__init__()
        with self.sessions.begin() as session:
            session.execute(text(f"TRUNCATE {TABLES} CASCADE"))
        self.parent: dict[uuid.UUID, uuid.UUID | None] = {}
        self.deleted: set[uuid.UUID] = set()
        self.inside: set[tuple[uuid.UUID, uuid.UUID]] = set()
        self.own: set[uuid.UUID] = set()
        self.reaching: set[uuid.UUID] = set()
        self.assets_made: set[uuid.UUID] = set()
        self.indexed = False

    def above(self, key: uuid.UUID | None) -> Iterator[uuid.UUID]:
        while key is not None:
            yield key
            key = self.parent[key]

    def reads(self, collection: uuid.UUID) -> bool:
        """The rule, in words: an entry of its own, or one that propagates on it or above it."""
        roots = self.reaching - self.deleted
        return collection in self.own or any(step in roots for step in self.above(collection))

    @initialize(target=collections)
    def plant(self) -> Any:
        """A chain of three, so that few steps are needed for what is interesting."""
        root = self.make_collection(None)
        middle = self.make_collection(root)
        return multiple(root, middle, self.make_collection(middle))

    @initialize(target=assets, holders=st.permutations(range(3)))
    def fill(self, holders: list[int]) -> Any:
        """Two assets, each in one of the chain where that is planted already."""
        made = [self.make_asset(), self.make_asset()]
        for asset, place in zip(made, holders, strict=False):
            if place < len(self.parent):
                self.put(list(self.parent)[place], asset)
        return multiple(*made)

    @rule(target=collections, parent=st.none() | collections)
    def make_collection(self, parent: uuid.UUID | None) -> uuid.UUID:
        made = self.do(lambda session: create_collection(session, Collection(title="c", parent_id=parent), ADMIN).id)
        if made is None:
            return next(iter(self.parent))
        self.parent[made] = parent
        return made

    @rule(target=assets)
    def make_asset(self) -> uuid.UUID:
        made = transact(self.sessions, lambda session: create_empty_asset(session, Asset(title="a"), ADMIN).id)
        self.assets_made.add(made)
        return made

    @rule(collection=collections, parent=st.none() | collections)
    def move(self, collection: uuid.UUID, parent: uuid.UUID | None) -> None:
        moved = self.do(lambda session: move_collection(session, collection, parent, ADMIN).id)
        rings = parent is not None and collection in self.above(parent)
        forbidden = (rings and parent != self.parent[collection]) or {collection, parent} & self.deleted
        assert (moved is None) == bool(forbidden) or parent == self.parent[collection]
        if moved is not None:
            self.parent[collection] = parent

    @rule(collection=collections, asset=assets)
    def put(self, collection: uuid.UUID, asset: uuid.UUID) -> None:
        if self.do(lambda session: add_asset_to_collection(session, collection, asset, ADMIN)):
            self.inside.add((collection, asset))

    @rule(collection=collections, asset=assets)
    def take(self, collection: uuid.UUID, asset: uuid.UUID) -> None:
        self.do(lambda session: remove_asset_from_collection(session, collection, asset, ADMIN))
        if collection not in self.deleted:
            self.inside.discard((collection, asset))

    @rule(key=collections | assets, propagates=st.booleans())
    def give(self, key: uuid.UUID, propagates: bool) -> None:
        is_collection = key in self.parent
        kind, reaches = ("collections", propagates) if is_collection else ("assets", None)
        who = [Principal(PrincipalKind.USER, self.reader)]
        transact(
            self.sessions,
            lambda session: grant_permissions(session, kind, [key], who, ["read"], ADMIN, propagates=reaches),
        )
        self.own.add(key)
        (self.reaching.add if is_collection and propagates else self.reaching.discard)(key)

    @rule(key=collections | assets)
    def withdraw(self, key: uuid.UUID) -> None:
        kind = "collections" if key in self.parent else "assets"
        who = [Principal(PrincipalKind.USER, self.reader)]
        transact(self.sessions, lambda session: revoke_permissions(session, kind, [key], who, ADMIN))
        self.own.discard(key)
        self.reaching.discard(key)

    @rule(collection=collections)
    def delete(self, collection: uuid.UUID) -> None:
        transact(self.sessions, lambda session: delete_collection(session, collection, ADMIN))
        self.deleted |= {key for key in self.parent if collection in self.above(key)}

    @rule(collection=collections)
    def restore(self, collection: uuid.UUID) -> None:
        self.do(lambda session: restore_collection(session, collection, ADMIN))
        with self.sessions() as session:
            self.deleted = set(session.scalars(select(Collection.id).where(Collection.status == "DELETED")))

    @rule()
    def index(self) -> None:
        drain_index_queue(self.sessions, PostgresEngine(self.sessions), FAST)
        self.indexed = True

    def do(self, work: object) -> object:
        try:
            return transact(self.sessions, work)
        except DomainError:
            return None

    @invariant()
    def what_is_readable_is_what_the_model_says(self) -> None:
        actor = transact(self.sessions, lambda session: find_actor(session, self.reader))
        collections = {key for key in self.parent if self.reads(key)}
        roots = self.reaching - self.deleted
        assets = {key for key in self.assets_made if key in self.own} | {
            asset
            for holder, asset in self.inside
            if holder not in self.deleted and any(step in roots for step in self.above(holder))
        }
        with self.sessions() as session:
            shown = {
                kind: set(session.scalars(select(table.id).where(readable_by(actor, kind, table.id))))
                for kind, table in (("assets", Asset), ("collections", Collection))
            }
        assert shown == {"assets": assets, "collections": collections}
        found = search_as(self.sessions, PostgresEngine(self.sessions), Criteria(per_page=1000), actor)
        hits = {hit.object_id for hit in found.hits}
        assert hits <= assets | collections - self.deleted
        assert found.total == len(hits)
        if self.indexed:
            with self.sessions() as session:
                waiting = set(session.scalars(text("SELECT object_id FROM index_mark WHERE dirty_since IS NOT NULL")))
            assert hits >= (assets | collections - self.deleted) - waiting


@pytest.fixture
def tree(database_url: str) -> Iterator[type[Tree]]:
    with open_engine(database_url) as engine:
        Tree.sessions = make_sessions(engine)
        with Tree.sessions.begin() as session:
            Tree.reader = create_user(session, User(email=f"{uuid.uuid4().hex}@example.org"), SETUP_ACTOR).id
        yield Tree


def test_the_readable_set_equals_the_model_over_random_trees_entries_and_moves(tree: type[Tree]) -> None:
    run_state_machine_as_test(
        tree,
        settings=settings(
            max_examples=examples(10), stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
