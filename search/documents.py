"""Search documents: what the index holds of an object, whole, built from its rows in one snapshot.

Documents are always whole, because an engine that merges parts can keep a part of an older state; and revision and
content come out of one snapshot, because a revision that belongs to other content would hide the difference for good.
`file` rows are never read: a sequence has hundreds of thousands, and what search shows of them stands on the file set.
"""

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from models.index_queue import DocumentKey
from search.analysis import MAX_BYTES, clean_text, cut

SHOWN_FORMATS = 50
"""Formats that a hit lists; the terms and texts know all of them."""

MEDIA_OF_STRUCTURE = {"audio": "audio", "image": "image", "document": "document", "other": "other"}
"""What the other structures show is video, the frames of a sequence too."""


@dataclass(frozen=True, slots=True)
class Document:
    """One object as an engine stores it, or a tombstone that keeps late writes from bringing it back."""

    object_type: str
    object_id: uuid.UUID
    revision: int
    deleted: bool = False
    title: str = ""
    date_created: datetime | None = None
    texts: dict[str, str] = field(default_factory=dict)
    """What free text finds, by field name: title, file_names, external_id …"""
    terms: dict[str, list[Any]] = field(default_factory=dict)
    """What criteria and facets ask, by name: texts, numbers, truth values, dates as `date_term` writes; each once."""
    readers: list[str] = field(default_factory=list)
    """`user:ID` and `group:ID` of the rights to read it."""
    collections: list[str] = field(default_factory=list)
    """Ids of the collections that directly hold it; a query names those whose rights propagate to the asker."""
    body: dict[str, Any] = field(default_factory=dict)
    """What a hit shows besides its terms."""

    @property
    def key(self) -> DocumentKey:
        return DocumentKey(self.object_type, self.object_id)

    @property
    def audience(self) -> list[str]:
        """Readers and collections in one list, so that who may see a hit is a single question to the index."""
        return [*self.readers, *(f"collection:{collection}" for collection in self.collections)]


def date_term(moment: datetime) -> str:
    """A date as documents write it: UTC with microseconds, so that order of text is order in time."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def build_documents(session: Session, keys: Iterable[DocumentKey]) -> list[Document]:
    """Documents of all `keys` that have a mark, in no particular order; run it in a snapshot.

    A key whose type has no builder raises KeyError: a mark of that type is a mistake in a migration.
    """
    by_type: dict[str, list[uuid.UUID]] = defaultdict(list)
    for object_type, object_id in keys:
        by_type[object_type].append(object_id)
    return [document for kind in by_type for document in BUILDERS[kind](session, by_type[kind])]


IDS = bindparam("ids", type_=ARRAY(Uuid))

# A mark without an asset is a tombstone, so the mark is on the left.
ASSETS = text("""
    SELECT mark.object_id, mark.revision, asset.id IS NULL OR asset.status <> 'ACTIVE' OR asset.merged_into IS NOT NULL,
        asset.title, asset.external_id, asset.type, asset.status, asset.is_online, asset.created_by_user,
        asset.date_created, asset.date_modified
    FROM index_mark mark LEFT JOIN asset ON asset.id = mark.object_id
    WHERE mark.object_type = 'assets' AND mark.object_id = ANY(:ids)
""").bindparams(IDS)

FORMATS = text("""
    SELECT asset_id, id, name, role, structure, is_online
    FROM format WHERE asset_id = ANY(:ids)
    ORDER BY CASE role WHEN 'original' THEN 0 WHEN 'transcode' THEN 1 ELSE 2 END, id
""").bindparams(IDS)

READERS = text("""
    SELECT object_id, principal_kind || ':' || principal_id AS reader
    FROM acl_entry WHERE object_type = 'assets' AND object_id = ANY(:ids) AND 'read' = ANY(permissions)
    ORDER BY object_id, reader
""").bindparams(IDS)

FILE_SETS = text("""
    SELECT asset_id, format_id, name, base_dir, storage_id, file_count, size_bytes, missing_frames,
        left(names, :limit) AS names
    FROM file_set WHERE asset_id = ANY(:ids) AND status <> 'DELETED' ORDER BY id
""").bindparams(IDS, limit=MAX_BYTES)


def build_assets(session: Session, ids: Sequence[uuid.UUID]) -> list[Document]:
    """Documents of assets in four queries, however many there are."""
    ids = list(ids)
    assets = session.execute(ASSETS, {"ids": ids}).all()
    formats = _by_first(session.execute(FORMATS, {"ids": ids}))
    file_sets = _by_first(session.execute(FILE_SETS, {"ids": ids}))
    readers = _by_first(session.execute(READERS, {"ids": ids}))
    return [
        Document("assets", row[0], row[1], deleted=True)
        if row[2]
        else _asset_document(row, formats.get(row[0], []), file_sets.get(row[0], []), readers.get(row[0], []))
        for row in assets
    ]


BUILDERS: dict[str, Callable[[Session, Sequence[uuid.UUID]], list[Document]]] = {"assets": build_assets}


HEAVY = text("""
    SELECT asset_id, sum(octet_length(names)) FROM file_set WHERE asset_id = ANY(:ids)
    GROUP BY asset_id HAVING sum(octet_length(names)) > :light
""").bindparams(IDS)


def fitting(session: Session, keys: Sequence[DocumentKey], limit_bytes: int, light_bytes: int = 8_000) -> int:
    """How many of the first `keys` make documents of no more than `limit_bytes` together; at least one.

    The sizes of texts are asked before any is read; whatever is lighter counts as `light_bytes`.
    """
    ids = [key.object_id for key in keys if key.object_type == "assets"]
    heavy = {row[0]: row[1] for row in session.execute(HEAVY, {"ids": ids, "light": light_bytes})}
    left = limit_bytes
    for place, key in enumerate(keys):
        left -= min(int(heavy.get(key.object_id, light_bytes)), MAX_BYTES)
        if left < 0:
            return max(place, 1)
    return len(keys)


def _by_first(rows: Iterable[Row[Any]]) -> dict[uuid.UUID, list[Row[Any]]]:
    grouped: dict[uuid.UUID, list[Row[Any]]] = defaultdict(list)
    for row in rows:
        grouped[row[0]].append(row)
    return grouped


def _asset_document(
    asset: Row[Any], formats: list[Row[Any]], file_sets: list[Row[Any]], readers: list[Row[Any]]
) -> Document:
    object_id, revision, _, title, external_id, kind, status, is_online, creator, created, modified = asset
    title = clean_text(title)
    texts, cut_bytes = _asset_texts(title, external_id, file_sets)
    terms: dict[str, list[Any]] = {
        "title": [title],
        "status": [status],
        "type": [kind],
        "media_type": [media_type_of(formats)],
        "is_online": [is_online],
        "date_created": [date_term(created)],
        "date_modified": [date_term(modified)],
        "format_kind": _once(kind_of(row) for row in formats),
        "format": _once(row.name for row in formats),
        "storage_id": _once(str(row.storage_id) for row in file_sets if row.storage_id),
        "missing_frames": [sum(row.missing_frames for row in file_sets)],
        "size_bytes": [sum(row.size_bytes for row in file_sets)],
        "file_count": [sum(row.file_count for row in file_sets)],
    }
    if external_id:
        terms["external_id"] = [external_id]
    if creator:
        terms["created_by_user"] = [str(creator)]
    body: dict[str, Any] = {"formats": _shown_formats(formats, file_sets)}
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
        readers=_once(row.reader for row in readers),
        body=body,
    )


METADATA = "metadata."
"""Begins the name of a term that is a metadata field's values; a hit shows them under `metadata`."""
SCALARS = (
    *("status", "type", "media_type", "is_online", "external_id", "created_by_user", "date_created", "date_modified"),
    *("description", "archive_status", "approval_status", "missing_frames", "size_bytes", "file_count"),
)
"""Terms that have one value: a hit shows them by themselves. All others it shows as lists, but for the title."""


def shown_body(terms: dict[str, list[Any]], body: dict[str, Any]) -> dict[str, Any]:
    """What a hit shows of a stored document; both engines store terms and body apart, so that nothing stands twice."""
    shown: dict[str, Any] = {}
    for name, values in terms.items():
        if name.startswith(METADATA):
            shown.setdefault("metadata", {})[name.removeprefix(METADATA)] = values
        elif name != "title":
            shown[name] = values[0] if name in SCALARS and values else values
    return shown | body


def kind_of(row: Row[Any]) -> str:
    """A format's kind as grouping prints it: the structure, or its role where that says more."""
    return row.structure if row.role == "original" else row.role


def media_type_of(formats: Sequence[Row[Any]]) -> str:
    """What an asset is to a person: what its first original is; an asset without formats is `other`."""
    for row in formats:
        if row.role != "sidecar":
            return MEDIA_OF_STRUCTURE.get(row.structure, "video")
    return "other"


def _once(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))


def _asset_texts(title: str, external_id: str | None, file_sets: Sequence[Row[Any]]) -> tuple[dict[str, str], int]:
    """Texts by field, together no longer than the analyser reads, and how many bytes were cut."""
    texts = {"title": title}
    if external_id:
        texts["external_id"] = external_id
    texts["file_names"] = "\n".join(_once(each for row in file_sets for each in _names(row)))
    texts["folders"] = "\n".join(_once(row.base_dir for row in file_sets if row.base_dir))
    left, cut_bytes = MAX_BYTES, 0
    for name, whole in texts.items():
        texts[name] = cut(clean_text(whole), left)
        used = len(texts[name]) if whole.isascii() else len(texts[name].encode())
        left -= used
        if len(texts[name]) < len(whole):
            cut_bytes += len(whole.encode(errors="replace")) - used
    return texts, cut_bytes


def _names(file_set: Row[Any]) -> list[str]:
    """A set's own name, where it is a template, and its members' names."""
    name, names = file_set.name, file_set.names
    return [names] if names.startswith(name) else [name, names] if names else [name]


def _shown_formats(formats: Sequence[Row[Any]], file_sets: Sequence[Row[Any]]) -> list[dict[str, Any]]:
    """Formats of a hit, each with the names of its file sets."""
    names: dict[uuid.UUID, list[str]] = defaultdict(list)
    for row in file_sets:
        names[row.format_id].append(clean_text(row.name))
    return [
        {"id": str(row.id), "name": row.name, "kind": kind_of(row), "is_online": row.is_online, "files": names[row.id]}
        for row in formats[:SHOWN_FORMATS]
    ]
