"""Verify finds a share that opens more than its object, or that ends too late."""

import uuid
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import text

from models.access.acl import Actor
from models.catalog.asset import Asset
from models.catalog.collection import Collection
from models.core.sessions import Sessions
from services.catalog.assets.assets import create_empty_asset
from services.catalog.collections.collections import create_collection
from services.catalog.collections.contents import add_asset_to_collection
from services.objects.objects import find_object
from services.operations.check_result import VerifyContext
from services.operations.share_invariants import check_shares
from services.shares.shares import ShareInput, create_share, revoke_share
from tests.pipeline import FAST

SYSTEM = Actor("x", is_admin=True)


@dataclass(frozen=True, slots=True)
class World:
    """A share of an asset, one of a collection that holds it, and one that was revoked; a collection beside them."""

    sessions: Sessions
    asset: uuid.UUID
    other: uuid.UUID
    beside: uuid.UUID

    def broken(self) -> list[str]:
        return check_shares(VerifyContext(self.sessions, None, FAST, Path("/none")), False).samples

    def damage(self, statement: str) -> None:
        with self.sessions.begin() as session:
            names = {"asset": self.asset, "other": self.other, "beside": self.beside}
            assert session.execute(text(statement), names).rowcount > 0


@pytest.fixture
def world(sessions: Sessions) -> World:
    with sessions.begin() as session:
        asset = create_empty_asset(session, Asset(title="clip"), SYSTEM).id
        other = create_empty_asset(session, Asset(title="other"), SYSTEM).id
        top = create_collection(session, Collection(title="reel"), SYSTEM).id
        below = create_collection(session, Collection(title="day", parent_id=top), SYSTEM).id
        beside = create_collection(session, Collection(title="secret"), SYSTEM).id
        add_asset_to_collection(session, below, asset, SYSTEM)
        add_asset_to_collection(session, beside, other, SYSTEM)
        create_share(session, SYSTEM, "assets", asset, ShareInput(frozenset(), has_url=True))
        create_share(session, SYSTEM, "collections", top, ShareInput(frozenset(), has_url=True))
        gone = create_share(session, SYSTEM, "assets", other, ShareInput(frozenset(), title="gone", has_url=True))
        revoke_share(session, find_object(session, SYSTEM, "assets", other), gone, SYSTEM)
    return World(sessions, asset, other, beside)


def test_shares_that_open_what_they_were_made_for_are_well(world: World) -> None:
    found = check_shares(VerifyContext(world.sessions, None, FAST, Path("/none")), False)
    assert (found.checked, found.broken) == (3, 0)
    world.damage("UPDATE asset SET merged_into = :other, status = 'DELETED' WHERE id = :asset")
    assert world.broken() == []


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (
            "UPDATE collection SET path = (SELECT path FROM collection WHERE title = 'day') || id WHERE id = :beside",
            ['it opens assets "other"', 'it opens collections "secret"'],
        ),
        ("UPDATE share SET expires = now() + interval '9 years' WHERE title = 'reel'", ["it ends 20"]),
    ],
)
def test_damage_is_found(world: World, damage: str, told: list[str]) -> None:
    world.damage(damage)
    found = [line.partition("): ")[2] for line in world.broken()]
    assert [line[: len(begin)] for line, begin in zip(found, told, strict=True)] == told
