"""Invariant 3 as the clients see it, with 6 and 7: what was acknowledged is there, once, and in history once."""

import uuid
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from asgi.idempotency import OPERATION_ID_NAMESPACE
from tests.faults.mix.client_log import ClientLog, Entry, Outcome, Register, Write, allowed_values
from tests.faults.mix.client_steps import Clients

RECORDED = frozenset({"create", "title", "value", "comment", "uncomment", "ask approval", "vote", "delete", "revoke"})
"""Actions with exactly one entry in history. A restored asset may have been active already, and an undo writes two."""
REGROUPED = frozenset({"split", "merge", "undo"})

TITLE = text("SELECT title FROM asset WHERE id = :id")
STATUS = text("SELECT CASE WHEN merged_into IS NULL THEN status ELSE 'MERGED' END FROM asset WHERE id = :id")
VALUE = text("""
    SELECT value.values ->> 0 FROM metadata_value AS value JOIN metadata_field AS field ON field.id = value.field_id
    WHERE object_id = :id AND field.name = :name
""")
SEGMENT = text("SELECT status FROM segment WHERE id = :id")
GRANT = text("""
    SELECT CASE WHEN 'read' = ANY(permissions) THEN 'read' END FROM acl_entry
    WHERE object_id = :id AND object_type = 'assets' AND principal_id = :name
""")
VOTE = text("""
    SELECT vote.status FROM approval_vote AS vote JOIN approval ON approval.id = vote.approval_id
    WHERE approval.object_id = :id AND vote.user_id = :name
""")
MADE = text("SELECT count(*) FROM asset WHERE title = :id OR title LIKE :id || ' / %'")
COMMENTED = text("SELECT count(*) FROM segment WHERE segment_text = :id")
SHARED = text("SELECT count(*) FROM share WHERE title = :id")
SHARE = text("""
    SELECT CASE WHEN revoked_at IS NULL AND expires > now() THEN 'open' ELSE 'revoked' END FROM share WHERE id = :id
""")
SURVIVOR = text("SELECT coalesce(merged_into, id) FROM asset WHERE id = :id")
WAS_MERGED = text("""
    SELECT merged_into IS NOT NULL OR EXISTS (SELECT FROM history WHERE details ->> 'merged' = CAST(asset.id AS text))
    FROM asset WHERE id = :id
""")
REOPENED = text("""
    SELECT count(*) FROM history WHERE asset_id = :id AND operation_description LIKE '%approval is asked for again'
""")
# The rules write both entries in one transaction, with one time; a split by hand names what it made.
ORIGINS = text("""
    SELECT source.asset_id FROM history AS birth JOIN history AS source ON source.date_created = birth.date_created
        AND source.operation_type = 'MODIFY_FILESET' AND source.operation_description LIKE '% left: now in %'
    WHERE birth.asset_id = :id AND birth.operation_type = 'VERSION_CREATE'
    UNION SELECT asset_id FROM history WHERE details ->> 'created' = CAST(:id AS text)
    UNION SELECT id FROM asset WHERE merged_into = :id
""")
KEYED = text("""
    SELECT operation_id, asset_id, operation_type, operation_description, user_id FROM history
    WHERE operation_id IS NOT NULL
""")


def check_promises(session: Session, clients: Clients) -> Iterator[str]:
    """Yield what was acknowledged and is not so."""
    yield from check_registers(session, clients)
    yield from check_operations(session, clients)
    yield from check_shares(session, clients)
    yield from check_sightings(session, clients.log)
    yield from clients.log.take_violations()


def check_registers(session: Session, clients: Clients) -> Iterator[str]:
    """Compare what clients wrote last with what is stored."""
    for kind, statement in (
        ("title", TITLE), ("status", STATUS), ("value", VALUE), ("segment", SEGMENT), ("grant", GRANT), ("vote", VOTE),
        ("made", MADE), ("comment", COMMENTED), ("shared", SHARED), ("share", SHARE),
    ):  # fmt: skip
        for register, writes in clients.log.of_kind(kind):
            name = clients.reader.user_id if kind == "grant" else (register[2] if len(register) > 2 else None)
            found = session.scalar(statement, {"id": register[1], "name": name})
            allowed = allowed_values(writes)
            if kind in ("made", "comment", "shared"):
                found = found or None
            if found not in allowed and not _is_excused(session, clients, register, writes, found):
                yield f"3: {' '.join(register)} is {found!r}, but {' or '.join(map(repr, allowed))} was acknowledged"


def _is_excused(session: Session, clients: Clients, register: Register, writes: list[Write], found: Any) -> bool:
    """Whether something else than the clients decided since: the rules merge assets, and changed files void votes."""
    if register[0] == "status":
        return found == "MERGED"
    if register[0] == "grant":  # rights that are given on a merged asset are its survivor's
        return bool(session.scalar(WAS_MERGED, {"id": register[1]}))
    if register[0] == "vote" and found is None:
        last = max(write.answered for write in writes)
        asked = any(
            entry.action == "ask approval" and entry.asset == register[1] and entry.answered >= last - 60
            for entry in clients.log.entries
        )
        return asked or bool(session.scalar(REOPENED, {"id": register[1]}))
    return False


def check_operations(session: Session, clients: Clients) -> Iterator[str]:
    """Find every acknowledged operation with a key in history, and none that was refused."""
    users = {clients.editor.name: clients.editor.user_id, clients.reader.name: clients.reader.user_id}
    by_user: dict[str, list[Any]] = defaultdict(list)
    for row in session.execute(KEYED):
        by_user[str(row.user_id)].append(row)
    for entry in clients.log.entries:
        if entry.key is None or entry.action not in RECORDED | REGROUPED:
            continue
        found = count_entries(by_user[users[entry.who]], operation_id(users[entry.who], entry.key))
        if fault := wrong_count(entry, found):
            yield f"3: {entry.action} {entry.path} by {entry.who}: {fault}"


def wrong_count(entry: Entry, found: int) -> str | None:
    """Say what is wrong with so many entries in history for an operation, or None."""
    if entry.outcome is Outcome.REFUSED:
        return f"refused with {entry.status}, but in history" if found else None
    most = 1 if entry.action in RECORDED else 4
    least = 1 if entry.outcome is Outcome.ACKNOWLEDGED else 0
    if least <= found <= most:
        return None
    return f"{entry.outcome} with {entry.status} after {entry.tries} tries, and {found} times in history"


def operation_id(user_id: str, key: str) -> uuid.UUID:
    """The id of a request as the API derives it from user and key."""
    return uuid.uuid5(OPERATION_ID_NAMESPACE, f"{user_id} {key}")


def count_entries(rows: list[Any], operation: uuid.UUID) -> int:
    """Count the entries of history that belong to a request."""
    return sum(
        row.operation_id == uuid.uuid5(operation, f"{row.asset_id} {row.operation_type} {row.operation_description}")
        for row in rows
    )


def check_sightings(session: Session, log: ClientLog) -> Iterator[str]:
    """Judge what the reader was shown without a right of its own: files that leave an asset take its rights along."""
    for sighting in log.sightings:
        if not any(log.may_read(origin, 0.0, sighting.end) for origin in find_origins(session, sighting.asset)):
            yield f"6: asset {sighting.asset} is found by one who may not read it"
    log.sightings.clear()


def find_origins(session: Session, asset: str) -> set[str]:
    """The assets that an asset was split from, directly or not, and those that were merged into it."""
    found: set[str] = set()
    unseen = {asset}
    while unseen:
        found |= unseen
        each = unseen.pop()
        unseen |= {str(origin) for origin in session.scalars(ORIGINS, {"id": each})} - found
    return found


def check_shares(session: Session, clients: Clients) -> Iterator[str]:
    """Try every link: a revoked one is refused, a running one opens its asset and no other."""
    others = clients.list_assets(clients.editor)
    for share_id, (asset, _) in sorted(clients.shares.items()):
        revoked = clients.log.current(("share", share_id)) == {"revoked"}
        guest = clients.open_link(share_id)
        if revoked and guest is not None:
            yield f"7: share {share_id} was revoked, and lets in"
        if not revoked and guest is None and session.scalar(STATUS, {"id": asset}) == "ACTIVE":
            yield f"7: share {share_id} of asset {asset} runs, and its link is refused"
        if guest is None:
            continue
        for other in others[:5]:
            found = clients.reader.read_once(f"assets/v1/assets/{other['id']}/", headers=guest)
            if found is not None and found.is_success and found.json()["id"] != survivor(session, asset):
                yield f"7: share {share_id} of asset {asset} opens asset {other['id']} too"


def survivor(session: Session, asset: str) -> str:
    """The asset that answers for an id."""
    return str(session.scalar(SURVIVOR, {"id": asset}))
