"""Keep rights as they were when files pass from one asset to another: no one loses an asset by it, or gains one.

An asset has one set of rights for all its files. By hand, files of an asset whose rights the caller may not change pass
only to an asset with the same rights. Rules cannot refuse, so an automatic merge leaves each right on the survivor to
those who had it on both assets, and gives back what it took when the last asset that merged into it has left again."""

import json
import uuid
from collections.abc import Collection
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.access.acl import Actor, Permission
from models.catalog.asset import ASSET_KIND, Asset
from models.catalog.history import Operation
from services.access.permissions import effective_permissions
from services.core.errors import PermissionDenied
from services.core.history import record_history
from services.lifecycle.dependents import MERGE_PAIRS_SQL, MergePairs, bind_merge_pairs

# Who has which right on either asset alone: by an entry, by a collection that propagates to it, or as guest of a shared
# collection. Entries of users and groups are compared as they are: a group and its members count as different.
SELECT_DIFFERENT_RIGHTS = text("""
    WITH held AS (
        SELECT entry.object_id AS asset_id, entry.principal_id, permission
        FROM acl_entry AS entry, unnest(entry.permissions) AS permission
        WHERE entry.object_type = 'assets' AND entry.object_id IN (:one, :other)
        UNION
        SELECT place.asset_id, entry.principal_id, permission
        FROM collection_asset AS place
        JOIN collection AS holder ON holder.id = place.collection_id AND holder.status = 'ACTIVE'
        JOIN collection AS source ON source.id = ANY (holder.path) AND source.status = 'ACTIVE'
        JOIN acl_entry AS entry ON entry.propagates AND entry.object_id = source.id,
            unnest(entry.permissions) AS permission
        WHERE place.carries_rights AND place.asset_id IN (:one, :other)
        UNION
        SELECT place.asset_id, share.id, 'read'
        FROM collection_asset AS place
        JOIN collection AS holder ON holder.id = place.collection_id AND holder.status = 'ACTIVE'
        JOIN share ON share.object_type = 'collections' AND share.object_id = ANY (holder.path)
            AND share.revoked_at IS NULL AND share.expires > now()
        WHERE place.carries_rights AND place.asset_id IN (:one, :other)
    )
    SELECT EXISTS (
        SELECT FROM held GROUP BY principal_id, permission HAVING count(DISTINCT asset_id) = 1
    )
""")


def require_transfer_rights(session: Session, actor: Actor, source: Asset, target: Asset, *, ends: bool) -> None:
    """Raise PermissionDenied if the actor may not move files from `source` to `target`.

    Args:
        ends: the source loses its last file, and ends.
    """
    held = effective_permissions(session, actor, ASSET_KIND, source.id)
    for permission in (Permission.WRITE, *([Permission.DELETE] if ends else [])):
        if permission not in held:
            why = "it would lose its last file" if ends else "its files are to leave it"
            raise PermissionDenied(f'asset "{source.title}": {why}, and you may not "{permission}" it')
    if Permission.CHANGE_ACL in held:
        return
    if session.scalar(SELECT_DIFFERENT_RIGHTS, {"one": source.id, "other": target.id}):
        raise PermissionDenied(
            f'asset "{source.title}": "{target.title}" is open to others than it, and you may not "change-acl" it; ask '
            "its owner to do this, or to give both the same rights first"
        )


# Own entries, and memberships that users made: those of the folder mirror say whose folder the files are in.
LOCK_SURVIVOR_ENTRIES = f"""
    SELECT entry.object_id, entry.principal_id, entry.principal_kind, entry.inherited_from,
        entry.permissions AS before, ARRAY(
        SELECT permission FROM unnest(entry.permissions) AS permission WHERE NOT EXISTS (
            SELECT FROM {MERGE_PAIRS_SQL} WHERE pair.survivor = entry.object_id AND NOT EXISTS (
                SELECT FROM acl_entry AS other WHERE other.object_type = 'assets' AND other.object_id = pair.dead
                    AND other.principal_id = entry.principal_id AND permission = ANY (other.permissions)))
    ) AS after
    FROM acl_entry AS entry
    WHERE entry.object_type = 'assets' AND entry.object_id = ANY(CAST(:survivors AS uuid[]))
    ORDER BY entry.object_id, entry.principal_id FOR UPDATE
"""
# Triggers mark_acl_entry_* mark the documents, and hide them at once from those who lose `read`.
NARROW_SURVIVOR_ENTRIES = text(f"""
    WITH entry AS ({LOCK_SURVIVOR_ENTRIES}), gone AS (
        DELETE FROM acl_entry USING entry WHERE entry.after = '{{}}' AND acl_entry.object_type = 'assets'
            AND acl_entry.object_id = entry.object_id AND acl_entry.principal_id = entry.principal_id
            AND acl_entry.inherited_from = entry.inherited_from
    ), less AS (
        UPDATE acl_entry SET permissions = entry.after, date_modified = now() FROM entry
        WHERE entry.after <> '{{}}' AND entry.after <> entry.before AND acl_entry.object_type = 'assets'
            AND acl_entry.object_id = entry.object_id AND acl_entry.principal_id = entry.principal_id
            AND acl_entry.inherited_from = entry.inherited_from
    )
    SELECT object_id AS asset_id, jsonb_agg(jsonb_build_array(principal_id, principal_kind, inherited_from, ARRAY(
        SELECT unnest(before) EXCEPT SELECT unnest(after)))) AS lost
    FROM entry WHERE before <> after GROUP BY object_id
""")
NARROW_SURVIVOR_MEMBERSHIPS = text(f"""
    UPDATE collection_asset AS place SET carries_rights = false FROM {MERGE_PAIRS_SQL}
    WHERE place.asset_id = pair.survivor AND place.carries_rights AND NOT place.mirrors_folder AND NOT EXISTS (
        SELECT FROM collection_asset AS other
        WHERE other.asset_id = pair.dead AND other.collection_id = place.collection_id AND other.carries_rights)
    RETURNING place.asset_id, place.collection_id
""")
SELECT_TAKEN_RIGHTS = text("""
    SELECT history.asset_id, history.details -> 'taken_rights' AS taken
    FROM history JOIN unnest(CAST(:holders AS uuid[])) AS holder (id) ON holder.id = history.asset_id
    WHERE jsonb_exists(history.details, 'taken_rights')
        AND NOT EXISTS (SELECT FROM asset WHERE asset.merged_into = holder.id)
        AND NOT EXISTS (SELECT FROM history AS later WHERE later.asset_id = history.asset_id AND later.id > history.id
            AND jsonb_exists(later.details, 'returned_rights'))
    ORDER BY history.id
""")
RETURN_ENTRIES = text("""
    INSERT INTO acl_entry (object_id, object_type, principal_id, principal_kind, inherited_from, permissions)
    SELECT :asset, 'assets', CAST(entry ->> 0 AS uuid), entry ->> 1, CAST(entry ->> 2 AS uuid),
        array_agg(DISTINCT permission)
    FROM jsonb_array_elements(CAST(:entries AS jsonb)) AS entry, jsonb_array_elements_text(entry -> 3) AS permission
    GROUP BY entry ->> 0, entry ->> 1, entry ->> 2 ORDER BY entry ->> 0
    ON CONFLICT (object_id, object_type, principal_id, inherited_from) DO UPDATE SET date_modified = now(),
        permissions = ARRAY(SELECT unnest(acl_entry.permissions) UNION SELECT unnest(excluded.permissions))
""")
RETURN_MEMBERSHIPS = text("""
    UPDATE collection_asset SET carries_rights = true
    WHERE asset_id = :asset AND collection_id = ANY(CAST(:collections AS uuid[]))
""")


def narrow_survivor_rights(session: Session, pairs: MergePairs, actor: Actor) -> None:
    """Leave each right on a survivor to those who have it on the assets that merge into it as well; call it before they
    do. The entries of these stay, and return with them if they are unmerged; history holds what the survivor's lost."""
    if not pairs:
        return
    parameters = bind_merge_pairs(pairs)
    taken: dict[uuid.UUID, dict[str, list[Any]]] = {}
    for entries in session.execute(NARROW_SURVIVOR_ENTRIES, parameters):
        taken[entries.asset_id] = {"entries": entries.lost, "collections": []}
    for place in session.execute(NARROW_SURVIVOR_MEMBERSHIPS, parameters):
        of_asset = taken.setdefault(place.asset_id, {"entries": [], "collections": []})
        of_asset["collections"].append(str(place.collection_id))
    for asset_id, lost in sorted(taken.items()):
        who = {entry[0] for entry in lost["entries"]}
        told = f"access: {len(who)} users or groups lost rights that they had on one of the merged assets alone"
        if lost["collections"]:
            told += f"; so did those who had them by {len(lost['collections'])} collections"
        record_history(session, asset_id, Operation.CUSTOM, told, actor, details={"taken_rights": lost})


def return_survivor_rights(session: Session, holders: Collection[uuid.UUID], actor: Actor) -> None:
    """Give back what merges took from these assets, once no merged asset is left in them; call it after an unmerge."""
    taken: dict[uuid.UUID, list[dict[str, list[Any]]]] = {}
    for row in session.execute(SELECT_TAKEN_RIGHTS, {"holders": sorted(set(holders))}):
        taken.setdefault(row.asset_id, []).append(row.taken)
    for asset_id, merges in sorted(taken.items()):
        entries = json.dumps([entry for lost in merges for entry in lost["entries"]])
        session.execute(RETURN_ENTRIES, {"asset": asset_id, "entries": entries})
        collections = sorted({each for lost in merges for each in lost["collections"]})
        session.execute(RETURN_MEMBERSHIPS, {"asset": asset_id, "collections": collections})
        told = "access: rights that a merge had taken are back, as what merged has left"
        record_history(session, asset_id, Operation.CUSTOM, told, actor, details={"returned_rights": True})
