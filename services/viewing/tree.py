"""An asset as users of the console see it: formats with their file sets, approval with names, shares, and history."""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.access.acl import Actor
from models.access.share import Share
from models.access.user import User
from models.catalog.approval import Approval, ApprovalStatus
from models.catalog.asset import ASSET_KIND, Asset, FileSet, Format
from models.catalog.history import History
from models.catalog.storage import Storage
from models.core.statements import in_array
from services.approvals.requests import has_no_reviewers, load_approval_status
from services.approvals.votes import is_reviewer
from services.core.history import history_of_asset
from services.core.text import label_structure
from services.objects.objects import find_object
from services.shares.shares import is_share_of_object

MAX_SHOWN_SETS, MAX_READ_SETS, MAX_SHOWN_HISTORY, MAX_SHOWN_SHARES = 150, 2_000, 50, 50


@dataclass(frozen=True, slots=True)
class FormatBranch:
    """A format with its file sets; `others` is how many more it has."""

    row: Format
    label: str
    sets: list[tuple[FileSet, str | None]]
    """File sets with the names of their storages."""
    others: int


@dataclass(frozen=True, slots=True)
class ApprovalBoard:
    """The approval of an asset: who was asked, who said what, and whether the actor has a vote."""

    status: ApprovalStatus
    asked: list[str]
    votes: list[tuple[str, str, str, datetime]]
    """Name, vote, reason and time."""
    may_vote: bool


def load_format_tree(session: Session, asset: Asset) -> list[FormatBranch]:
    """Load the formats of an asset with their file sets, in two queries."""
    formats = session.scalars(select(Format).where(Format.asset_id == asset.id).order_by(Format.role, Format.id)).all()
    rows = session.execute(
        select(FileSet, Storage.name)
        .outerjoin(Storage, Storage.id == FileSet.storage_id)
        .where(FileSet.asset_id == asset.id)
        .order_by(FileSet.label, FileSet.name, FileSet.id)
        .limit(MAX_READ_SETS)
    ).all()
    sets: dict[uuid.UUID, list[tuple[FileSet, str | None]]] = defaultdict(list)
    for row in rows:
        sets[row[0].format_id].append((row[0], row[1]))
    branches, left = [], MAX_SHOWN_SETS
    for one in formats:
        shown = sets[one.id][:left]
        left -= len(shown)
        label = label_structure(one.structure).removeprefix("single ")
        branches.append(FormatBranch(one, label, shown, len(sets[one.id]) - len(shown)))
    return branches


def load_approval_board(session: Session, actor: Actor, asset: Asset, *, may_write: bool) -> ApprovalBoard | None:
    """Load the approval of an asset with the names of its people; None where it was not requested."""
    standing = load_approval_status(session, find_object(session, actor, ASSET_KIND, asset.id))
    approval = standing.approval
    if approval is None:
        return None
    users = {*approval.users, *(vote.user_id for vote in standing.votes if vote.user_id is not None)}
    named = session.scalars(select(User).where(in_array(User.id, list(users)))) if users else ()
    names = {user.id: user.display_name for user in named}
    return ApprovalBoard(
        approval.status,
        [*(names.get(one, str(one)) for one in approval.users), *approval.externals],
        [
            (_voter(names, vote.user_id, vote.external), vote.status.value, vote.reason, vote.change_date)
            for vote in standing.votes
        ],
        _may_vote(approval, actor, may_write=may_write),
    )


def _voter(names: dict[uuid.UUID, str], user_id: uuid.UUID | None, external: str | None) -> str:
    if user_id is not None:
        return names.get(user_id, str(user_id))
    return "a guest by the link for everyone" if (external or "").startswith("link:") else external or ""


def _may_vote(approval: Approval, actor: Actor, *, may_write: bool) -> bool:
    if actor.only_browses:
        return False
    return is_reviewer(approval, actor) or (has_no_reviewers(approval) and may_write)


def list_running_shares(session: Session, kind: str, object_id: uuid.UUID) -> Sequence[Share]:
    """Return the shares of an asset or collection that are not revoked, the newest first."""
    query = select(Share).where(Share.object_type == kind, is_share_of_object(object_id))
    return session.scalars(query.order_by(Share.id.desc()).limit(MAX_SHOWN_SHARES)).all()


def load_recent_history(session: Session, asset: Asset) -> Sequence[History]:
    """Return the newest entries of the history of an asset."""
    query = select(History).where(history_of_asset(asset.id)).order_by(History.id.desc())
    return session.scalars(query.limit(MAX_SHOWN_HISTORY)).all()


def load_asset_sizes(session: Session, assets: Sequence[uuid.UUID]) -> dict[uuid.UUID, int]:
    """Return the bytes that the files of assets take, in one query."""
    query = select(FileSet.asset_id, func.sum(FileSet.size_bytes)).where(FileSet.asset_id.in_(assets))
    return {row[0]: int(row[1]) for row in session.execute(query.group_by(FileSet.asset_id))}
