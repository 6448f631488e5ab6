"""After any sequence of changes to a share, a guest has access exactly when a simple model allows it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.orm import Session

from models.access.acl import Actor, ShareRight
from models.access.share import Share, ShareUser
from models.catalog.asset import Asset, FormatRole
from models.core.sessions import Sessions, make_sessions
from services.catalog.assets.assets import create_empty_asset, delete_asset, find_asset, restore_asset
from services.core.errors import NotFound
from services.core.signing_key import SigningKey
from services.downloads.tickets import can_download
from services.objects.objects import find_object
from services.shares.guests import find_guest, find_share_by_link, sign_in_by_link
from services.shares.links import build_login_hash
from services.shares.shares import ShareInput, create_share, revoke_share, update_share
from tests.engines import open_engine
from tests.properties.examples import examples

KEY, SYSTEM = SigningKey(b"the key of one property test, and none else"), Actor("x", is_admin=True)
ACTS = st.lists(
    st.one_of(
        st.sampled_from(["sign in", "revoke", "end", "extend", "delete", "restore", "lock", "unlock"]),
        st.frozensets(st.sampled_from([right.value for right in ShareRight]), max_size=4),
    ),
    max_size=12,
)


class Model:
    """What people would say: open unless ended, revoked or deleted; a link and what came by it die with a new one."""

    def __init__(self) -> None:
        self.is_ended = self.is_revoked = self.is_deleted = self.is_locked = False
        self.allows: frozenset[str] = frozenset()
        self.generation = 1
        self.signed_in: int | None = None

    @property
    def is_open(self) -> bool:
        return not (self.is_ended or self.is_revoked or self.is_deleted)

    @property
    def is_inside(self) -> bool:
        return self.is_open and self.signed_in == self.generation


@pytest.fixture
def sessions(database_url: str) -> Iterator[Sessions]:
    with open_engine(database_url) as engine:
        yield make_sessions(engine)


def act(session: Session, what: object, model: Model, share_id: UUID, asset_id: UUID) -> None:
    """One act on the rows and on the model."""
    share = session.get_one(Share, share_id, populate_existing=True)
    found = find_object(session, SYSTEM, "assets", asset_id)
    if isinstance(what, frozenset):
        update_share(session, found, share, {"allows": sorted(what)}, SYSTEM)
        model.allows = what
    elif what == "revoke":
        revoke_share(session, found, share, SYSTEM)
        model.is_revoked, model.generation = True, model.generation + 1
    elif what in ("end", "extend"):
        moved = datetime.now(UTC) + timedelta(hours=1 if what == "extend" else -1)
        session.execute(text("UPDATE share SET expires = :at WHERE id = :id"), {"at": moved, "id": share_id})
        model.is_ended = what == "end"
    elif what in ("delete", "restore"):
        (delete_asset if what == "delete" else restore_asset)(session, asset_id, SYSTEM)
        model.is_deleted = what == "delete"
    elif what in ("lock", "unlock"):
        locked = what == "lock"
        update_share(session, found, share, {"password_hash": "no password fits" if locked else None}, SYSTEM)
        if locked != model.is_locked:
            model.signed_in = None
        model.is_locked = locked


@given(acts=ACTS)
@settings(
    max_examples=examples(25),
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
    database=None,
)
def test_a_guest_is_let_in_exactly_when_the_model_says_so(sessions: Sessions, acts: list[object]) -> None:
    model, secret = Model(), ""
    with sessions.begin() as session:
        session.execute(text("DELETE FROM sign_in_limit"))
        asset_id = create_empty_asset(session, Asset(title="clip"), SYSTEM).id
        other_id = create_empty_asset(session, Asset(title="other"), SYSTEM).id
        share_id = create_share(session, SYSTEM, "assets", asset_id, ShareInput(frozenset(), has_url=True)).id
        user_id = session.query(ShareUser.id).filter_by(share_id=share_id).scalar()
    for what in acts:
        if what == "sign in":
            token = sign_in_by_link(sessions, KEY, build_login_hash(KEY, user_id, model.generation), None, "here")
            assert (token is not None) == (model.is_open and not model.is_locked)
            if token is not None:
                secret, model.signed_in = token.secret, model.generation
        else:
            with sessions.begin() as session:
                act(session, what, model, share_id, asset_id)
        check(sessions, model, user_id, secret, asset_id, other_id)


def check(sessions: Sessions, model: Model, user_id: UUID, secret: str, asset_id: UUID, other_id: UUID) -> None:
    """The rows say what the model says."""
    with sessions() as session:
        for generation in range(1, model.generation + 1):
            opened = find_share_by_link(session, KEY, build_login_hash(KEY, user_id, generation))
            assert (opened is not None) == (model.is_open and generation == model.generation)
        inside = find_guest(session, secret) if secret else None
        assert (inside is not None) == model.is_inside
        if inside is None:
            return
        actor = inside.share.actor
        assert inside.share.guest.allows == model.allows
        assert find_asset(session, actor, asset_id).id == asset_id
        with pytest.raises(NotFound):
            find_asset(session, actor, other_id)
        downloads = ShareRight.DOWNLOAD in model.allows
        assert can_download(actor, FormatRole.ORIGINAL) == downloads
        assert can_download(actor, FormatRole.TRANSCODE) == (downloads or ShareRight.DOWNLOAD_PROXY in model.allows)
