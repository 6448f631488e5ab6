"""Guests of shares: they sign in by a link and are authenticated by a token; every request checks that the share is
open.

One statement defines "open": not revoked, not expired by the database's clock, its object exists, its creator may still
share that, and the recipient's generation is the one of the link or token. So ending a share needs no notification.
"""

import hashlib
import secrets
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, text, update
from sqlalchemy.orm import Session

from models.access.acl import Actor, Guest, ShareRight
from models.access.share import Share, ShareToken, ShareUser
from models.access.user import SignInLimit
from models.core.base import new_id
from models.core.sessions import Sessions, transact
from models.core.statements import AnyRow, execute_dml
from services.access.login_throttle import AttemptLimit, count_attempt
from services.access.tokens import TOKEN_BYTES, token_digest
from services.core.passwords import verify_password
from services.core.rows import save
from services.core.signing_key import SigningKey
from services.shares.links import is_link_secret, parse_login_hash

GUEST_TOKEN_SECONDS = 12 * 3600
GUEST_TOKEN_PREFIX = "share."
"""Marks guest tokens, so that no user token is looked up for them."""
GUEST_ADDRESS_LIMIT = AttemptLimit(tries=60, seconds=60)
GUEST_LINK_LIMIT = AttemptLimit(tries=10, seconds=300)
LINK_MAIL_LIMIT = AttemptLimit(tries=5, seconds=3600)
"""Requests to mail the same link again."""
GUEST_WRITE_LIMITS = {"minute": AttemptLimit(tries=30, seconds=60), "day": AttemptLimit(tries=1_000, seconds=86_400)}
"""Comments, votes and changes of one recipient, by the API and the pages together: a link opens a share to anyone."""
RIGHTS_AFTER_MERGE = frozenset({ShareRight.DOWNLOAD, ShareRight.DOWNLOAD_PROXY})
"""Rights that remain after the shared asset was merged into another: comments, values and votes belong to the survivor.
"""

SHARED_OBJECT = """
    LEFT JOIN asset AS named ON share.object_type = 'assets' AND named.id = share.object_id
    LEFT JOIN asset AS living ON living.id = coalesce(named.merged_into, named.id) AND living.status = 'ACTIVE'
    LEFT JOIN collection ON share.object_type = 'collections' AND collection.id = share.object_id
        AND collection.status = 'ACTIVE'
"""
"""`living` is the shared asset or, after a merge, its survivor."""
MAKER_MAY_SHARE = """
    (share.created_by IS NULL OR EXISTS (
        SELECT FROM user_account AS maker WHERE maker.id = share.created_by AND maker.status = 'ACTIVE'
            AND (maker.is_admin OR EXISTS (
                SELECT FROM acl_entry AS entry
                WHERE entry.object_id = coalesce(living.id, collection.id)
                    AND entry.object_type = share.object_type AND 'change-acl' = ANY (entry.permissions)
                    AND (entry.principal_id = maker.id OR entry.principal_id IN (
                        SELECT group_id FROM membership WHERE membership.user_id = maker.id))
            ) OR EXISTS (
                SELECT FROM acl_entry AS entry JOIN collection AS source ON source.id = entry.object_id
                WHERE entry.propagates AND source.status = 'ACTIVE' AND 'change-acl' = ANY (entry.permissions)
                    AND (entry.principal_id = maker.id OR entry.principal_id IN (
                        SELECT group_id FROM membership WHERE membership.user_id = maker.id))
                    AND (source.id = ANY (collection.path) OR EXISTS (
                        SELECT FROM collection_asset AS place
                        JOIN collection AS holder ON holder.id = place.collection_id AND holder.status = 'ACTIVE'
                        WHERE place.asset_id = living.id AND place.carries_rights AND source.id = ANY (holder.path)
                    ))
            ))
    ))
"""
"""Whether the creator of a share (null for the command line) is active and holds `change-acl` as `has_permission`
defines it."""
OPEN_SHARE_SQL = f"""
    SELECT who.id AS share_user_id, who.generation, who.email, who.first_name, who.last_name, who.internal_user_id,
        who.link_shown_to, share.id AS share_id, share.object_type, coalesce(living.id, collection.id) AS object_id,
        share.title, share.allows, share.format_ids, share.metadata_views, share.password_hash, share.expires,
        named.merged_into IS NOT NULL AS is_merged
        {{columns}}
    FROM share_user AS who JOIN share ON share.id = who.share_id
    {{joins}}
    {SHARED_OBJECT}
    WHERE share.revoked_at IS NULL AND share.expires > now() AND coalesce(living.id, collection.id) IS NOT NULL
        AND {MAKER_MAY_SHARE}
        AND {{where}}
"""
"""The definition of an open share. It ends with the right that made it, and is open again when the right comes back."""
STOPPED_SHARES = text(f"""
    SELECT share.id FROM share {SHARED_OBJECT}
    WHERE share.id = ANY (:ids) AND coalesce(living.id, collection.id) IS NOT NULL AND NOT {MAKER_MAY_SHARE}
""")
TOKEN_SQL_PARTS = {
    "columns": ", token.id AS token_id, token.expires_at",
    "joins": "JOIN share_token AS token ON token.share_user_id = who.id AND token.generation = who.generation",
}
OPEN_SHARE_BY_USER = text(OPEN_SHARE_SQL.format(columns="", joins="", where="who.id = :user"))
OPEN_SHARE_BY_SECRET = text(
    OPEN_SHARE_SQL.format(
        **TOKEN_SQL_PARTS,
        where="token.expires_at > now() AND token.digest = :digest AND share.id = coalesce(:app, share.id)",
    )
)
OPEN_SHARE_BY_TOKEN = text(
    OPEN_SHARE_SQL.format(**TOKEN_SQL_PARTS, where="token.expires_at > now() AND token.id = :token")
)


@dataclass(frozen=True, slots=True)
class OpenShare:
    """An open share as seen by one recipient."""

    actor: Actor
    guest: Guest
    generation: int
    password_hash: str | None
    expires: datetime
    internal_user_id: uuid.UUID | None


@dataclass(frozen=True, slots=True)
class GuestToken:
    """A guest's sign-in. Only the client knows the secret; its digest is stored."""

    id: uuid.UUID
    secret: str
    expires: datetime
    share: OpenShare


@dataclass(frozen=True, slots=True)
class ClaimedRecipient:
    """The recipient that a client claims a link belongs to."""

    share_id: uuid.UUID
    email: str

    def matches_guest(self, guest: Guest) -> bool:
        """Return whether the link belongs to this recipient."""
        return guest.share_id == self.share_id and guest.email == self.email.strip().lower()


def find_stopped_shares(session: Session, shares: Iterable[Share]) -> set[uuid.UUID]:
    """Return the ids of those shares that do not open because their creator may not share the object now."""
    return set(session.scalars(STOPPED_SHARES, {"ids": [share.id for share in shares]}))


def build_open_share(row: AnyRow) -> OpenShare:
    """Build an open share from a row of `OPEN_SHARE_SQL`."""
    allows = frozenset(row.allows)
    guest = Guest(
        share_id=row.share_id,
        share_user_id=row.share_user_id,
        email=row.email,
        object_type=row.object_type,
        object_id=row.object_id,
        title=row.title,
        allows=allows & RIGHTS_AFTER_MERGE if row.is_merged else allows,
        format_ids=None if row.format_ids is None else tuple(row.format_ids),
        metadata_views=() if row.is_merged else tuple(row.metadata_views),
        link_shown_to=row.link_shown_to or "",
        is_merged=row.is_merged,
    )
    name = f"{row.first_name} {row.last_name}".strip() or row.email or f'a guest of the share "{row.title}"'
    actor = Actor(name, guest=guest)
    return OpenShare(actor, guest, row.generation, row.password_hash, row.expires, row.internal_user_id)


def find_open_share(session: Session, share_user_id: uuid.UUID) -> OpenShare | None:
    """Return the open share of a recipient without checking a link; for administrators."""
    row = session.execute(OPEN_SHARE_BY_USER, {"user": share_user_id}).first()
    return build_open_share(row) if row is not None else None


def find_share_by_link(session: Session, key: SigningKey, login_hash: str) -> OpenShare | None:
    """Return the open share of a link, before any password; None if the link is unknown, expired or revoked."""
    share_user_id, secret = parse_login_hash(login_hash)
    found = find_open_share(session, share_user_id)
    is_ours = is_link_secret(key, secret, share_user_id, found.generation if found is not None else 0)
    return found if is_ours else None


def sign_in_by_link(
    sessions: Sessions,
    key: SigningKey,
    login_hash: str,
    password: str | None,
    address: str,
    only: ClaimedRecipient | None = None,
) -> GuestToken | None:
    """Sign in by a link. Unknown, expired and revoked links and a wrong password are indistinguishable: None, after
    equal work.

    Args:
        only: the recipient that the link must belong to, if the client names one.

    Raises:
        RateLimited: too many attempts from the address, or on a link with a password.
    """
    transact(sessions, lambda session: count_attempt(session, f"share-address:{address}", GUEST_ADDRESS_LIMIT))
    found = transact(sessions, lambda session: find_share_by_link(session, key, login_hash))
    if found is not None and only is not None and not only.matches_guest(found.guest):
        found = None
    kept = found.password_hash if found is not None else None
    if found is not None and kept is not None and password is not None:
        transact(
            sessions,
            lambda session: count_attempt(session, _link_limit_subject(found.guest.share_user_id), GUEST_LINK_LIMIT),
        )
    # The hash is computed for unknown links too, so that response times do not reveal which links exist.
    is_right = verify_password(password, kept) if password is not None else False
    if found is None or (kept is not None and not is_right):
        return None
    return transact(sessions, lambda session: _issue_guest_token(session, found))


def count_link_mail_request(session: Session, address: str, share_id: uuid.UUID, email: str) -> None:
    """Count a request to mail a link against the rate limits, whether the recipient exists or not."""
    count_attempt(session, f"share-address:{address}", GUEST_ADDRESS_LIMIT)
    recipient = hashlib.sha256(f"{share_id} {email.strip().lower()}".encode("utf-8", "surrogateescape"))
    count_attempt(session, f"share-mail:{recipient.hexdigest()}", LINK_MAIL_LIMIT)


def _link_limit_subject(share_user_id: uuid.UUID) -> str:
    return f"share-link:{share_user_id}"


def _issue_guest_token(session: Session, found: OpenShare) -> GuestToken | None:
    """Create a token, unless the link or its password changed since they were checked.

    The UPDATE locks the recipient's row first: a concurrent change of either waits for this transaction and then ends
    its token, or is seen here.
    """
    user = found.guest.share_user_id
    counted = update(ShareUser).where(ShareUser.id == user, ShareUser.generation == found.generation)
    counted = counted.values(access_count=ShareUser.access_count + 1, last_access_date=func.now())
    if not execute_dml(session, counted.execution_options(synchronize_session=False)):
        return None
    row = session.execute(OPEN_SHARE_BY_USER, {"user": user}).first()
    if row is None or row.password_hash != found.password_hash:
        return None
    session.execute(delete(SignInLimit).where(SignInLimit.subject == _link_limit_subject(user)))
    secret = GUEST_TOKEN_PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
    token = ShareToken(id=new_id(), digest=token_digest(secret), share_user_id=user, generation=found.generation)
    token.expires_at = _token_expiry(row.expires)
    save(session, token)
    return GuestToken(token.id, secret, token.expires_at, build_open_share(row))


def _token_expiry(share_ends: datetime) -> Any:
    return func.least(func.now() + timedelta(seconds=GUEST_TOKEN_SECONDS), share_ends)


def find_guest(session: Session, secret: str, share_id: uuid.UUID | None = None) -> GuestToken | None:
    """Return the sign-in of a token while its share is open; an App-ID, if sent, must be the id of the share."""
    row = session.execute(OPEN_SHARE_BY_SECRET, {"digest": token_digest(secret), "app": share_id}).first()
    return GuestToken(row.token_id, secret, row.expires_at, build_open_share(row)) if row is not None else None


def find_guest_by_token(session: Session, token_id: uuid.UUID) -> OpenShare | None:
    """Return the open share of a token id while the token is valid."""
    row = session.execute(OPEN_SHARE_BY_TOKEN, {"token": token_id}).first()
    return build_open_share(row) if row is not None else None


def extend_guest_token(session: Session, token: GuestToken) -> GuestToken:
    """Extend a token, at most to the expiry of its share."""
    row = session.get_one(ShareToken, token.id, with_for_update=True)
    row.expires_at = _token_expiry(token.share.expires)
    save(session, row)
    return GuestToken(token.id, token.secret, row.expires_at, token.share)


def count_guest_write(session: Session, guest: Guest) -> None:
    """Count a write of a guest. Raises RateLimited beyond `GUEST_WRITE_LIMITS`."""
    for span, limit in GUEST_WRITE_LIMITS.items():
        count_attempt(session, f"guest-writes-{span}:{guest.share_user_id}", limit)


def count_guest_download(session: Session, guest: Guest) -> None:
    """Increment the recipient's download counter."""
    counted = update(ShareUser).where(ShareUser.id == guest.share_user_id)
    session.execute(
        counted.values(download_count=ShareUser.download_count + 1).execution_options(synchronize_session=False)
    )
