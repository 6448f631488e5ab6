"""What is shown of an asset to watch and to fetch: its formats in the words of people, with files and sizes."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.access.acl import Actor, is_format_visible
from models.catalog.asset import Asset, Component, ComponentType, FileSet, FileSetFile, Format, FormatRole
from models.catalog.file import File
from models.core.paths import display_path
from models.core.statements import count_rows
from services.core.errors import NotFound
from services.core.text import label_structure
from services.downloads.tickets import can_download
from services.metadata.forms import load_view_form
from services.metadata.values import list_object_values
from services.viewing.paging import ListPage

MAX_FILES_PER_PAGE = 100
SHOWN_ROLES = (FormatRole.ORIGINAL, FormatRole.TRANSCODE)
"""Sidecars are about the media and none themselves."""


@dataclass(frozen=True, slots=True)
class ShownFile:
    """A file of a format."""

    id: uuid.UUID
    name: str
    size: int


@dataclass(frozen=True, slots=True)
class MediaFacts:
    """Facts of a format's first picture and sound, from its headers."""

    duration_ms: int | None = None
    width: int | None = None
    height: int | None = None
    frame_rate: str | None = None
    """A fraction, such as `24000/1001`."""
    timecode_start: str | None = None


@dataclass(frozen=True, slots=True)
class ShownFormat:
    """A format with a page of its files, their total count and size."""

    id: uuid.UUID
    name: str
    label: str
    """What it is, in words: `video with captions`."""
    is_rendition: bool
    files: list[ShownFile]
    part: ListPage
    count: int
    size: int
    media: MediaFacts
    can_download: bool
    is_stored: bool
    """Whether it has files on a storage, to be fetched as one archive."""


def load_shown_formats(session: Session, actor: Actor, asset: Asset, number: int) -> list[ShownFormat]:
    """Load the formats of an asset that the actor sees, originals first, each with a page of its files."""
    query = select(Format).where(
        Format.asset_id == asset.id, Format.role.in_(SHOWN_ROLES), is_format_visible(actor, Format.id)
    )
    formats = session.scalars(query.order_by(Format.role, Format.id)).all()
    media = _load_media_facts(session, [one.id for one in formats])
    return [_load_format(session, actor, one, media.get(one.id, MediaFacts()), number) for one in formats]


def _load_format(session: Session, actor: Actor, one: Format, media: MediaFacts, number: int) -> ShownFormat:
    sets = session.execute(select(FileSet.file_count, FileSet.size_bytes).where(FileSet.format_id == one.id)).all()
    stored = (
        select(File.id, File.name, File.size)
        .join(FileSetFile, FileSetFile.file_id == File.id)
        .join(FileSet, FileSet.id == FileSetFile.file_set_id)
        .where(FileSet.format_id == one.id)
    )
    there = count_rows(session, stored)
    part = ListPage.of(number, there, MAX_FILES_PER_PAGE)
    rows = session.execute(part.cut(stored.order_by(File.name, File.id), MAX_FILES_PER_PAGE)).all()
    files = [ShownFile(row.id, display_path(row.name), row.size) for row in rows]
    return ShownFormat(
        id=one.id,
        name=one.name,
        label=label_structure(one.structure).removeprefix("single "),
        is_rendition=one.role is FormatRole.TRANSCODE,
        files=files,
        part=part,
        count=max(sum(row.file_count for row in sets), there),
        size=sum(row.size_bytes for row in sets) or sum(file.size for file in files),
        media=media,
        can_download=can_download(actor, one.role),
        is_stored=there > 0,
    )


def _load_media_facts(session: Session, formats: Sequence[uuid.UUID]) -> dict[uuid.UUID, MediaFacts]:
    query = (
        select(Component.format_id, Component.type, Component.media)
        .where(
            Component.format_id.in_(formats),
            Component.type.in_((ComponentType.GENERAL, ComponentType.VIDEO, ComponentType.IMAGE)),
        )
        .order_by(Component.id.desc())
    )
    merged: dict[uuid.UUID, dict[str, Any]] = {}
    for format_id, _, media in session.execute(query):
        # The first component wins, as it is read last.
        merged.setdefault(format_id, {}).update({name: value for name, value in media.items() if value is not None})
    return {format_id: build_media_facts(media) for format_id, media in merged.items()}


def build_media_facts(media: dict[str, Any]) -> MediaFacts:
    """Build facts of what headers say; they are read from files of strangers, so that every type is checked."""

    def whole(name: str) -> int | None:
        value = media.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None

    def words(name: str) -> str | None:
        value = media.get(name)
        return value if isinstance(value, str) else None

    return MediaFacts(
        whole("duration_milliseconds"), whole("width"), whole("height"), words("frame_rate"), words("timecode_start")
    )


def load_view_values(session: Session, object_id: uuid.UUID, views: Sequence[uuid.UUID]) -> list[tuple[str, str]]:
    """Return labels and values of the fields of these views that have a value."""
    if not views:
        return []
    there = {one.name: one.values for one in list_object_values(session, object_id)}
    shown: dict[str, tuple[str, str]] = {}
    for view_id in views:
        try:
            rules = load_view_form(session, view_id).rules
        except NotFound:
            continue
        for name, rule in rules.items():
            if there.get(name):
                shown.setdefault(name, (rule.label, ", ".join(map(str, there[name]))))
    return list(shown.values())
