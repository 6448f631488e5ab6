"""Find headers, previews and renditions that are not there, though their files are.

What has a reason is not missing: media that cannot be read or shown, and work that waits. Rows are read page by page,
and what they name is looked up on disk with no transaction open.
"""

import os
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.catalog.file import read_folder_paths
from models.core.mounts import is_in_media_folder, resolve_mount
from models.core.paths import display_path, join_path
from models.core.sessions import Sessions, read_snapshot
from models.queues.job import JOB_QUEUE, TRANSCODE_TASK
from models.queues.media_queue import MEDIA_QUEUE, MediaKind
from services.media.probe_summary import ERROR_KEYS
from services.renditions.plan import select_sources

MEDIA_PAGE_SIZE = 500


class MediaPart(StrEnum):
    """What is made of media files."""

    HEADER = "header"
    PREVIEW = "preview"
    RENDITION = "rendition"


class MissingMedia(NamedTuple):
    """Something that should be there; `key` is its file set, or the source format of a rendition."""

    part: MediaPart
    key: uuid.UUID
    title: str
    name: str
    """Name of the file set or of the rendition's profile."""
    reason: str

    def sentence(self) -> str:
        """Describe it for people."""
        return f'"{self.title}": {self.name}: {self.reason}'


@dataclass(frozen=True, slots=True)
class MediaSet:
    """A file set with media, and what is recorded of it."""

    id: uuid.UUID
    asset_id: uuid.UUID
    title: str
    name: str
    is_read: bool
    is_explained: bool
    """Something is wrong with it, and its format says what."""
    has_media: bool
    wants_previews: bool
    wants_renditions: bool
    previews: dict[str, int]
    """Size by path below the media folder."""
    is_queued: bool

    def find_missing(self, media_folder: Path) -> MissingMedia | None:
        """Return what is missing of it, header before previews."""
        if self.is_queued:
            return None
        if not self.is_read:
            return self._missing(MediaPart.HEADER, "its header was not read")
        lost = next((path for path, size in self.previews.items() if not _is_there(media_folder / path, size)), None)
        if lost is not None:
            return self._missing(MediaPart.PREVIEW, f"its preview {lost} is not in the media folder")
        if self.wants_previews and self.has_media and not self.previews and not self.is_explained:
            return self._missing(MediaPart.PREVIEW, "no preview was made")
        return None

    def _missing(self, part: MediaPart, reason: str) -> MissingMedia:
        return MissingMedia(part, self.id, self.title, self.name, reason)


HAS_REASON = f"general.media ?| ARRAY{list(ERROR_KEYS)}"
IS_CREATED = "coalesce(storage.settings ->> 'local_keyframe_creation', 'true') <> 'false'"
HAS_MEDIA_TYPE = "component.type IN ('VIDEO', 'AUDIO', 'IMAGE')"
# A set with a note has files that grow again: they are read once they are stable.
SELECT_MEDIA_SETS = text(f"""
    SELECT file_set.id, file_set.asset_id, asset.title, file_set.name, general.media IS NOT NULL AS is_read,
        coalesce({HAS_REASON}, false) AS is_explained,
        EXISTS (SELECT FROM component WHERE component.file_set_id = file_set.id AND {HAS_MEDIA_TYPE}
            AND component.media <> '{{}}') AS has_media,
        {IS_CREATED} AND format.role = 'original' AS wants_previews,
        jsonb_array_length(coalesce(storage.settings -> 'transcode_profiles', '[]')) > 0
            AND format.role = 'original' AS wants_renditions,
        coalesce((SELECT jsonb_object_agg(path, keyframe.size_bytes) FROM keyframe
            WHERE keyframe.file_set_id = file_set.id), '{{}}') AS previews,
        EXISTS (SELECT FROM {MEDIA_QUEUE.view} AS work WHERE work.file_set_id = file_set.id
            AND work.kind IN ('{MediaKind.HEADERS}', '{MediaKind.PICTURES}')) AS is_queued
    FROM file_set JOIN format ON format.id = file_set.format_id JOIN asset ON asset.id = file_set.asset_id
    JOIN storage ON storage.id = file_set.storage_id
    LEFT JOIN LATERAL (SELECT component.media FROM component
        WHERE component.file_set_id = file_set.id AND component.from_header AND component.type = 'GENERAL' LIMIT 1
    ) AS general ON true
    WHERE file_set.id > :after AND (CAST(:assets AS uuid[]) IS NULL OR file_set.asset_id = ANY(CAST(:assets AS uuid[])))
        AND asset.status = 'ACTIVE' AND file_set.status = 'ACTIVE' AND file_set.island_id IS NOT NULL
        AND file_set.file_count > 0 AND file_set.note = ''
        AND EXISTS (SELECT FROM component WHERE component.file_set_id = file_set.id AND {HAS_MEDIA_TYPE}
            AND NOT component.from_header)
    ORDER BY file_set.id LIMIT {MEDIA_PAGE_SIZE}
""")


def load_media_sets(session: Session, after: uuid.UUID, assets: Sequence[uuid.UUID] | None) -> list[MediaSet]:
    """Load the next file sets with media by id, of these assets or of all."""
    rows = session.execute(SELECT_MEDIA_SETS, {"after": after, "assets": list(assets) if assets else None})
    return [MediaSet(**row._asdict()) for row in rows]


def _is_there(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except OSError:
        return False


class RenditionFile(NamedTuple):
    """The file of a rendition, on this machine."""

    id: uuid.UUID
    """Of its format."""
    title: str
    profile: str
    is_reachable: bool
    """Whether the folder of renditions is there at all."""
    path: Path
    size: int

    def find_missing(self) -> MissingMedia | None:
        """Return the rendition if its file is not there; one on a lost mount may come back."""
        if not self.is_reachable or _is_there(self.path, self.size):
            return None
        reason = f"its file {self.path.name} is not on the storage of renditions"
        return MissingMedia(MediaPart.RENDITION, self.id, self.title, self.profile, reason)


SELECT_RENDITIONS = text(f"""
    SELECT format.id, asset.title, format.name AS profile, storage.root, file.folder_id, file.name, file.size
    FROM format JOIN asset ON asset.id = format.asset_id JOIN file_set ON file_set.format_id = format.id
    JOIN file_set_file AS member ON member.file_set_id = file_set.id JOIN file ON file.id = member.file_id
    JOIN folder ON folder.id = file.folder_id JOIN storage ON storage.id = folder.storage_id
    WHERE format.id > :after AND (CAST(:assets AS uuid[]) IS NULL OR format.asset_id = ANY(CAST(:assets AS uuid[])))
        AND format.rule = 'transcode' AND asset.status = 'ACTIVE'
    ORDER BY format.id LIMIT {MEDIA_PAGE_SIZE}
""")


def load_rendition_files(session: Session, after: uuid.UUID, assets: Sequence[uuid.UUID] | None) -> list[RenditionFile]:
    """Load the next renditions by id, of these assets or of all."""
    asked = {"after": after, "assets": list(assets) if assets else None}
    rows = session.execute(SELECT_RENDITIONS, asked).all()
    folders = read_folder_paths(session, sorted({row.folder_id for row in rows}))
    reachable = {root: _is_reachable(root) for root in {bytes(row.root) for row in rows}}
    found = []
    for row in rows:
        path = join_path(resolve_mount(bytes(row.root)), join_path(folders[row.folder_id], bytes(row.name)))
        is_reachable, local = reachable[bytes(row.root)], Path(os.fsdecode(path))
        found.append(RenditionFile(row.id, row.title, row.profile, is_reachable, local, row.size))
    return found


def _is_reachable(root: bytes) -> bool:
    """Whether the folder of renditions is there; that in our media folder is made again."""
    return is_in_media_folder(root) or os.path.isdir(resolve_mount(root))


# What its storage wants, and neither was made, nor failed with a reason, nor waits.
SELECT_UNMADE_RENDITIONS = text(f"""
    SELECT DISTINCT format.id, asset.title, wanted.profile
    FROM file_set JOIN format ON format.id = file_set.format_id JOIN asset ON asset.id = file_set.asset_id
    JOIN storage ON storage.id = file_set.storage_id
    CROSS JOIN LATERAL jsonb_array_elements_text(storage.settings -> 'transcode_profiles') AS wanted (profile)
    WHERE file_set.id = ANY(CAST(:sets AS uuid[])) AND NOT format.media ? 'rendition_warnings'
        AND (file_set.frames IS NOT NULL OR EXISTS (SELECT FROM component WHERE component.file_set_id = file_set.id
            AND component.type IN ('VIDEO', 'AUDIO') AND NOT component.from_header))
        AND NOT EXISTS (SELECT FROM format AS made WHERE made.asset_id = asset.id AND made.rule = 'transcode'
            AND made.name = wanted.profile AND made.media #>> '{{transcode,format}}' = CAST(format.id AS text))
        AND NOT EXISTS (SELECT FROM {JOB_QUEUE.view} AS job WHERE object_id = asset.id AND task = '{TRANSCODE_TASK}'
            AND job.status IN ('READY', 'STARTED', 'PAUSED') AND parked_at IS NULL
            AND job.arguments ->> 'format_id' = CAST(format.id AS text)
            AND job.arguments ->> 'profile' = wanted.profile)
    ORDER BY 1, 3
""")


def find_unmade_renditions(session: Session, sets: Sequence[MediaSet]) -> list[MissingMedia]:
    """Find the renditions that the storages of file sets want and that were never made."""
    asked = [one.id for one in sets if one.wants_renditions and one.has_media and not one.is_queued]
    rows = session.execute(SELECT_UNMADE_RENDITIONS, {"sets": asked}).all() if asked else []
    return [
        MissingMedia(MediaPart.RENDITION, row.id, row.title, row.profile, "this rendition was never made")
        for row in rows
        if not select_sources(session, row.id).is_empty
    ]


FIRST_ID = uuid.UUID(int=0)


def find_missing_media(
    sessions: Sessions, media_folder: Path, assets: Sequence[uuid.UUID] | None = None
) -> Iterator[tuple[int, list[MissingMedia]]]:
    """Yield, page by page, how many file sets and renditions were looked at, and what is missing of them."""
    after = FIRST_ID
    while sets := read_snapshot(sessions, load_media_sets, after, assets):
        missing = [found for one in sets if (found := one.find_missing(media_folder)) is not None]
        yield len(sets), missing + read_snapshot(sessions, find_unmade_renditions, sets)
        after = sets[-1].id
    after = FIRST_ID
    while renditions := read_snapshot(sessions, load_rendition_files, after, assets):
        yield len(renditions), [found for one in renditions if (found := one.find_missing()) is not None]
        after = renditions[-1].id


def list_unreachable_roots(session: Session) -> list[str]:
    """List the folders of renditions that hold some and are not there, as they are after a mount is lost."""
    roots = map(bytes, session.scalars(SELECT_RENDITION_ROOTS).all())
    return [display_path(resolve_mount(root)) for root in roots if not _is_reachable(root)]


SELECT_RENDITION_ROOTS = text("""
    SELECT root FROM storage WHERE purpose = 'PROXIES' AND EXISTS (
        SELECT FROM folder JOIN file ON file.folder_id = folder.id WHERE folder.storage_id = storage.id) ORDER BY name
""")
