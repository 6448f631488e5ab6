"""Check what shares expose: evaluated as their guests, compared with the collection tree by parent links instead of
paths.

An expired share keeps its recipients' rows, so each of them is tried: a link or session that still works is a fault.
All recipients of a share see the same, so that is evaluated once.
"""

import uuid
from collections.abc import Iterator

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from models.access.acl import Actor, readable_by
from models.catalog.asset import Asset
from models.catalog.collection import Collection
from models.core.sessions import read_snapshot
from models.core.statements import AnyRow, in_array
from services.operations.check_result import CheckResult, VerifyContext
from services.shares.guests import find_guest_by_token, find_open_share

MAX_VERIFIED_SHARES = 500

# Pages by id, so that a check of many shares holds no long snapshot. Five years is the limit that creation enforces.
SELECT_SHARE_PAGE = text("""
    SELECT share.id, share.title, share.object_type, share.object_id, share.expires,
        share.revoked_at IS NOT NULL OR share.expires <= now() AS is_over,
        share.expires > greatest(share.date_created, share.date_modified) + interval '5 years' AS is_too_long,
        ARRAY(SELECT id FROM share_user WHERE share_id = share.id ORDER BY id) AS users,
        ARRAY(SELECT token.id FROM share_token AS token JOIN share_user AS who ON who.id = token.share_user_id
            WHERE who.share_id = share.id ORDER BY token.id) AS tokens
    FROM share WHERE share.id > :after ORDER BY share.id LIMIT :limit
""")

# Recursive by parent_id on purpose: an independent check of `path`, which the access rules use.
SELECT_SHARED_SUBTREE = text("""
    WITH RECURSIVE tree AS (
        SELECT id, status FROM collection WHERE id = :root
        UNION ALL
        SELECT child.id, child.status FROM collection AS child JOIN tree ON child.parent_id = tree.id
    )
    SELECT id FROM tree
    UNION ALL
    SELECT place.asset_id FROM collection_asset AS place JOIN tree ON tree.id = place.collection_id
    WHERE place.carries_rights AND tree.status = 'ACTIVE'
""")


def check_shares(audited: VerifyContext, _repair: bool) -> CheckResult:
    """Check that no share ends too late, works after its end, or exposes more than its object."""
    found = CheckResult(
        "shares", "every share ends within five years, opens its object alone, and nothing once it ended"
    )
    last: uuid.UUID | None = uuid.UUID(int=0)
    while last is not None:
        last = read_snapshot(audited.sessions, _check_page, last, found)
    return found


def _check_page(session: Session, after: uuid.UUID, found: CheckResult) -> uuid.UUID | None:
    """Check one page of shares in one snapshot; return the id of the last, or None if there was none."""
    rows = session.execute(SELECT_SHARE_PAGE, {"after": after, "limit": MAX_VERIFIED_SHARES}).all()
    for row in rows:
        found.checked += 1
        for fault in _faults(session, row):
            found.add_violation(f'share "{row.title}" ({row.id}): {fault}')
    return rows[-1].id if rows else None


def _faults(session: Session, row: AnyRow) -> Iterator[str]:
    if row.is_too_long:
        yield f"it ends {row.expires:%Y-%m-%d}, more than five years after it was last set"
    guests = [guest for user_id in row.users if (guest := find_open_share(session, user_id)) is not None]
    if row.is_over:
        tokens = sum(find_guest_by_token(session, token_id) is not None for token_id in row.tokens)
        if guests or tokens:
            yield f"it is over, and {len(guests)} links and {tokens} sign-ins open it"
    elif guests:
        yield from _find_exposed(session, row, guests[0].actor)


def _find_exposed(session: Session, row: AnyRow, actor: Actor) -> Iterator[str]:
    """Yield faults for objects that a guest can read outside the shared object."""
    inside = _shared_ids(session, row)
    for kind, key, title in (
        ("assets", Asset.id, Asset.title),
        ("collections", Collection.id, Collection.title),
    ):
        query = select(key.label("id"), title.label("title")).where(
            readable_by(actor, kind, key), ~in_array(key, inside)
        )
        for other in session.execute(query.order_by(key).limit(MAX_VERIFIED_SHARES)):
            yield f'it opens {kind} "{other.title}" ({other.id}) too'


def _shared_ids(session: Session, row: AnyRow) -> list[uuid.UUID]:
    if row.object_type == "collections":
        return list(session.scalars(SELECT_SHARED_SUBTREE, {"root": row.object_id}))
    living = select(func.coalesce(Asset.merged_into, Asset.id)).where(Asset.id == row.object_id)
    return list(session.scalars(living))
