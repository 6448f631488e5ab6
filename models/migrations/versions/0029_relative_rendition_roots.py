"""The storage for renditions in the media folder is named relative to that folder, so that it may be moved or restored.

Its root was the path on the machine whose worker wrote the first rendition. A moved data folder got a second such
storage, and one more machine a third: they are one now, since what they name is in one media folder. Workers of the
version before may write one more rendition where no process of this version looks; it is made again.
"""

from alembic import op
from sqlalchemy import text

revision = "0029"
down_revision = "0028"

OWN_STORAGES = text("""
    SELECT id FROM storage WHERE purpose = 'PROXIES' AND description = 'made by Tapeless in its media folder'
    ORDER BY id
""")
RELATIVE_ROOT = text("UPDATE storage SET root = 'renditions' WHERE id = :kept")
MERGE_STORAGE = [
    text(statement)
    for statement in (
        "CREATE TEMPORARY TABLE merged_folder (old bigint, kept bigint)",
        """WITH RECURSIVE pair AS (
                SELECT old.id AS old, kept.id AS kept FROM folder AS old
                    JOIN folder AS kept ON kept.storage_id = :kept AND kept.parent_id IS NULL
                WHERE old.storage_id = :old AND old.parent_id IS NULL
                UNION ALL
                SELECT below.id, same.id FROM pair
                    JOIN folder AS below ON below.parent_id = pair.old
                    JOIN folder AS same ON same.parent_id = pair.kept AND same.name = below.name
            )
            INSERT INTO merged_folder SELECT old, kept FROM pair""",
        """UPDATE folder SET parent_id = kept FROM merged_folder
            WHERE parent_id = old AND NOT EXISTS (SELECT FROM merged_folder AS also WHERE also.old = folder.id)""",
        "UPDATE file SET folder_id = kept FROM merged_folder WHERE folder_id = old",
        "DELETE FROM folder USING merged_folder WHERE folder.id = old",
        "UPDATE folder SET storage_id = :kept WHERE storage_id = :old",
        "UPDATE file_set SET storage_id = :kept WHERE storage_id = :old",
        "UPDATE declared_file SET storage_id = :kept WHERE storage_id = :old",
        "DELETE FROM storage WHERE id = :old",
        "DROP TABLE merged_folder",
    )
]


def upgrade() -> None:
    connection = op.get_bind()
    kept, *others = connection.scalars(OWN_STORAGES).all() or [None]
    if kept is None:
        return
    for old in others:
        for statement in MERGE_STORAGE:
            connection.execute(statement, {"kept": kept, "old": old})
    connection.execute(RELATIVE_ROOT, {"kept": kept})
