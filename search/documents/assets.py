"""Documents of assets: formats, file sets, permissions, and the parts of other aggregates.

The contribution of each aggregate that appears in an asset's document (metadata, approvals, comments …) is defined in
one place, in `search/documents/parts.py`.
"""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.core.statements import AnyRow
from models.queues.index_queue import MARK_QUEUE
from search.document import (
    NO_APPROVAL,
    OBJECT_IDS_PARAMETER,
    Document,
    format_date_term,
    group_by_object,
    unique_values,
)
from search.documents.parts import (
    DocumentPart,
    DocumentPartReader,
    read_approval_parts,
    read_asset_access_parts,
    read_collection_parts,
    read_comment_parts,
    read_copy_parts,
    read_media_parts,
    read_metadata_parts,
    read_relation_parts,
)
from search.query.analysis import MAX_ANALYSED_BYTES, replace_unstorable, truncate_utf8

MAX_HIT_FORMATS = 50
"""Limit of formats listed in a hit; terms and texts include all formats."""

MEDIA_OF_STRUCTURE = {"audio": "audio", "image": "image", "document": "document", "other": "other"}
"""All other structures are video, including the frames of a sequence."""


ASSET_PART_READERS: tuple[DocumentPartReader, ...] = (
    read_asset_access_parts,
    read_collection_parts,
    read_approval_parts,
    read_metadata_parts,
    read_comment_parts,
    read_media_parts,
    read_relation_parts,
    read_copy_parts,
)
"""Readers of all aggregates that contribute to documents of assets."""


# LEFT JOIN from the mark: a mark without an asset becomes a tombstone.
SELECT_ASSETS_TO_INDEX = text(f"""
    SELECT mark.object_id, mark.revision, asset.id IS NULL OR asset.status <> 'ACTIVE' OR asset.merged_into IS NOT NULL,
        asset.title, asset.external_id, asset.type, asset.status, asset.is_online, asset.created_by_user,
        asset.date_created, asset.date_modified, asset.details ->> 'category' AS category
    FROM {MARK_QUEUE.view} AS mark LEFT JOIN asset ON asset.id = mark.object_id
    WHERE mark.object_type = 'assets' AND mark.object_id = ANY(:ids)
""").bindparams(OBJECT_IDS_PARAMETER)

SELECT_FORMATS_TO_INDEX = text("""
    SELECT asset_id, id, name, role, structure, is_online, warnings <> '{}' AS has_warning
    FROM format WHERE asset_id = ANY(:ids)
    ORDER BY CASE role WHEN 'original' THEN 0 WHEN 'transcode' THEN 1 ELSE 2 END, id
""").bindparams(OBJECT_IDS_PARAMETER)

SELECT_FILE_SETS_TO_INDEX = text("""
    SELECT asset_id, format_id, name, base_dir, storage_id, file_count, size_bytes, missing_frames,
        left(names, :limit) AS names
    FROM file_set WHERE asset_id = ANY(:ids) AND status <> 'DELETED' ORDER BY id
""").bindparams(OBJECT_IDS_PARAMETER, limit=MAX_ANALYSED_BYTES)


def build_asset_documents(session: Session, ids: Sequence[uuid.UUID]) -> list[Document]:
    """Build documents of assets in a fixed number of queries, regardless of their number."""
    ids = list(ids)
    assets = session.execute(SELECT_ASSETS_TO_INDEX, {"ids": ids}).all()
    formats = group_by_object(session.execute(SELECT_FORMATS_TO_INDEX, {"ids": ids}))
    file_sets = group_by_object(session.execute(SELECT_FILE_SETS_TO_INDEX, {"ids": ids}))
    read = [reader(session, ids) for reader in ASSET_PART_READERS]
    return [
        Document("assets", row[0], row[1], deleted=True)
        if row[2]
        else _asset_document(
            row,
            formats.get(row[0], []),
            file_sets.get(row[0], []),
            [parts[row[0]] for parts in read if row[0] in parts],
        )
        for row in assets
    ]


def _asset_document(
    asset: AnyRow, formats: list[AnyRow], file_sets: list[AnyRow], parts: list[DocumentPart]
) -> Document:
    object_id, revision, _, title, external_id, kind, status, is_online, creator, created, modified, category = asset
    title = replace_unstorable(title)
    texts, cut_bytes = _asset_texts(title, external_id, file_sets, parts)
    terms: dict[str, list[Any]] = {
        "title": [title],
        "status": [status],
        "type": [kind],
        "media_type": [media_type_of(formats)],
        "is_online": [is_online],
        "approval_status": [NO_APPROVAL],
        "has_warning": [any(row.has_warning for row in formats)],
        "date_created": [format_date_term(created)],
        "date_modified": [format_date_term(modified)],
        "format_kind": unique_values(format_kind_of(row) for row in formats),
        "format": unique_values(row.name for row in formats),
        "storage_id": unique_values(str(row.storage_id) for row in file_sets if row.storage_id),
        "missing_frames": [sum(row.missing_frames for row in file_sets)],
        "size_bytes": [sum(row.size_bytes for row in file_sets)],
        "file_count": [sum(row.file_count for row in file_sets)],
    }
    if external_id:
        terms["external_id"] = [external_id]
    if creator:
        terms["created_by_user"] = [str(creator)]
    if category:
        terms["category"] = [replace_unstorable(category)]
    # A scalar in the body, because a hit shows most terms as lists.
    body: dict[str, Any] = {"formats": _hit_formats(formats, file_sets), "category": category}
    for part in parts:
        terms |= part.terms
        body |= part.body
    if cut_bytes:
        body["text_cut_bytes"] = cut_bytes
    return Document(
        object_type="assets",
        object_id=object_id,
        revision=revision,
        title=title,
        date_created=created,
        texts=texts,
        terms=terms,
        readers=unique_values(reader for part in parts for reader in part.readers),
        collections=unique_values(collection for part in parts for collection in part.collections),
        body=body,
    )


def format_kind_of(row: AnyRow) -> str:
    """Return a format's kind as grouping prints it: the structure of an original, else the role."""
    return str(row.structure if row.role == "original" else row.role)


def media_type_of(formats: Sequence[AnyRow]) -> str:
    """Return the media type of an asset, from its first original; `other` without formats."""
    for row in formats:
        if row.role != "sidecar":
            return MEDIA_OF_STRUCTURE.get(row.structure, "video")
    return "other"


def _asset_texts(
    title: str, external_id: str | None, file_sets: Sequence[AnyRow], parts: Sequence[DocumentPart]
) -> tuple[dict[str, str], int]:
    """Return texts by field, truncated together to the analyser's limit, and the number of truncated bytes."""
    texts = {"title": title}
    if external_id:
        texts["external_id"] = external_id
    texts["file_names"] = "\n".join(unique_values(each for row in file_sets for each in _file_names(row)))
    texts["folders"] = "\n".join(unique_values(row.base_dir for row in file_sets if row.base_dir))
    for part in parts:
        texts |= part.texts
    # One budget for all fields in this order, so that a long later field never displaces title or file names.
    left, cut_bytes = MAX_ANALYSED_BYTES, 0
    for name, whole in texts.items():
        texts[name] = truncate_utf8(replace_unstorable(whole), left)
        used = len(texts[name]) if whole.isascii() else len(texts[name].encode())
        left -= used
        if len(texts[name]) < len(whole):
            cut_bytes += len(whole.encode(errors="replace")) - used
    return texts, cut_bytes


def _file_names(file_set: AnyRow) -> list[str]:
    """Return the names of a file set's members, after its own name if that is a template."""
    name, names = file_set.name, file_set.names
    return [names] if names.startswith(name) else [name, names] if names else [name]


def _hit_formats(formats: Sequence[AnyRow], file_sets: Sequence[AnyRow]) -> list[dict[str, Any]]:
    """Return the formats listed in a hit, each with the names of its file sets."""
    names: dict[uuid.UUID, list[str]] = defaultdict(list)
    for row in file_sets:
        names[row.format_id].append(replace_unstorable(row.name))
    return [
        {
            "id": str(row.id),
            "name": row.name,
            "kind": format_kind_of(row),
            "is_online": row.is_online,
            "files": names[row.id],
        }
        for row in formats[:MAX_HIT_FORMATS]
    ]
