"""Keep rights as they were when files pass from one asset to another: no one loses an asset by it, or gains one.

An asset has one set of rights for all its files. By hand, files of an asset whose rights the caller may not change pass
only to an asset with the same rights. Rules cannot refuse, so an automatic merge leaves each right on the survivor to
those who had it on both assets."""

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
    SELECT entry.object_id, entry.principal_id, entry.inherited_from, entry.permissions AS before, ARRAY(
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
    SELECT object_id, count(*) AS lost FROM entry WHERE before <> after GROUP BY object_id ORDER BY object_id
""")
NARROW_SURVIVOR_MEMBERSHIPS = text(f"""
    UPDATE collection_asset AS place SET carries_rights = false FROM {MERGE_PAIRS_SQL}
    WHERE place.asset_id = pair.survivor AND place.carries_rights AND NOT place.mirrors_folder AND NOT EXISTS (
        SELECT FROM collection_asset AS other
        WHERE other.asset_id = pair.dead AND other.collection_id = place.collection_id AND other.carries_rights)
""")


def narrow_survivor_rights(session: Session, pairs: MergePairs, actor: Actor) -> None:
    """Leave each right on a survivor to those who have it on the assets that merge into it as well; call it before they
    do. The entries of these stay, and return with them if they are unmerged."""
    if not pairs:
        return
    parameters = bind_merge_pairs(pairs)
    narrowed = session.execute(NARROW_SURVIVOR_ENTRIES, parameters).all()
    session.execute(NARROW_SURVIVOR_MEMBERSHIPS, parameters)
    for row in narrowed:
        told = f"access: {row.lost} users or groups lost rights that they had on one of the merged assets alone"
        record_history(session, row.object_id, Operation.CUSTOM, told, actor)
