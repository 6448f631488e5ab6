"""Report of one asset for people and programs: formats, file sets, components, history."""

import unicodedata
import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import or_, select, text
from sqlalchemy.orm import Session

from models.catalog.asset import Asset, AssetStatus, Component, FileSet, Format
from models.catalog.history import History
from models.core.base import parse_id
from services.core.errors import DomainError
from services.core.id_prefix import match_id_prefix
from services.metadata.values import list_object_values

MAX_ASSET_CANDIDATES = 10
MAX_SHOWN_PLACES = 3
ASSET_PLACES = text("""
    SELECT DISTINCT file_set.asset_id, storage.name AS storage, file_set.base_dir FROM file_set
        JOIN format ON format.id = file_set.format_id AND format.role = 'original'
        JOIN storage ON storage.id = file_set.storage_id
    WHERE file_set.asset_id = ANY(CAST(:assets AS uuid[])) ORDER BY file_set.asset_id, storage.name, file_set.base_dir
""")


def find_asset_by_word(session: Session, word: str) -> Asset:
    """Return the asset with an id, the beginning of one, an external id or a title; for a merged one, its survivor.

    An ambiguous word raises an error that lists the candidates with their folders.
    """
    if not word:
        raise DomainError("asset: give an id, an external id or a title; `tapeless search` finds by parts of names")
    asset = _by_id(session, word)
    if asset is not None:
        return asset
    # A Mac decomposes the letters of names, a keyboard composes them.
    spellings = {word, unicodedata.normalize("NFC", word), unicodedata.normalize("NFD", word)}
    begins = (Asset.title.istartswith(spelling, autoescape=True) for spelling in sorted(spellings))
    active = select(Asset).where(Asset.status == AssetStatus.ACTIVE).order_by(Asset.id)
    found = session.scalars(
        active.where(or_(Asset.external_id.in_(spellings), Asset.title.in_(spellings), *begins)).limit(
            MAX_ASSET_CANDIDATES
        )
    ).all()
    # Words of titles go first: one may be made of hexadecimal digits.
    found = found or match_id_prefix(session, Asset, word)
    exact = [asset for asset in found if not spellings.isdisjoint((asset.external_id, asset.title))] or found
    if len(exact) == 1:
        return _survivor(session, exact[0])
    if not exact:
        raise DomainError(f'asset "{word}": none is called that; `tapeless search` finds by parts of names')
    places = load_asset_places(session, [asset.id for asset in exact])
    candidates = "".join(f"\n  {asset.id}  {asset.title}  {describe_places(places[asset.id])}" for asset in exact)
    raise DomainError(f'asset "{word}": more than one is called that; give an id, or the beginning of one:{candidates}')


def _by_id(session: Session, word: str) -> Asset | None:
    key = parse_id(word)
    asset = session.get(Asset, key) if key else None
    return None if asset is None else _survivor(session, asset)


def _survivor(session: Session, asset: Asset) -> Asset:
    return session.get_one(Asset, asset.merged_into) if asset.merged_into else asset


def load_asset_places(session: Session, assets: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[str]]:
    """Load in which folders of which storages the originals of assets are, for people."""
    places: dict[uuid.UUID, list[str]] = {asset_id: [] for asset_id in assets}
    for row in session.execute(ASSET_PLACES, {"assets": list(assets)}):
        places[row.asset_id].append(f"{row.storage}: {row.base_dir}" if row.base_dir else row.storage)
    return places


def describe_places(places: Sequence[str]) -> str:
    """Return the first places of an asset in a few words."""
    more = len(places) - MAX_SHOWN_PLACES
    shown = "; ".join(places[:MAX_SHOWN_PLACES])
    return f"{shown}; and {more:,} more" if more > 0 else shown or "no files"


def build_asset_report(session: Session, asset: Asset) -> dict[str, Any]:
    """Return the asset as nested values, with the API's key names."""
    formats = session.scalars(select(Format).where(Format.asset_id == asset.id).order_by(Format.id)).all()
    sets = session.scalars(select(FileSet).where(FileSet.asset_id == asset.id).order_by(FileSet.id)).all()
    components = session.scalars(
        select(Component).where(Component.format_id.in_([part.id for part in formats])).order_by(Component.id)
    ).all()
    history = session.scalars(select(History).where(History.asset_id == asset.id).order_by(History.id)).all()
    order = {"original": 0, "transcode": 1, "sidecar": 2}
    return {
        "id": str(asset.id),
        "title": asset.title,
        "external_id": asset.external_id,
        "status": asset.status.value,
        "is_online": asset.is_online,
        "date_created": asset.date_created.isoformat(),
        "metadata": {held.name: held.values for held in list_object_values(session, asset.id)},
        "formats": [
            {
                "id": str(part.id),
                "name": part.name,
                "role": part.role.value,
                "kind": part.structure,
                "rule": part.rule,
                "is_online": part.is_online,
                "warnings": part.warnings,
                "file_sets": [
                    _report_file_set(row, [c for c in components if c.file_set_id == row.id])
                    for row in sets
                    if row.format_id == part.id
                ],
            }
            for part in sorted(formats, key=lambda part: order[part.role.value])
        ],
        "history": [
            {
                "date_created": entry.date_created.isoformat(),
                "operation_type": entry.operation_type.value,
                "operation_description": entry.operation_description,
                "actor": entry.actor,
            }
            for entry in history
        ],
    }


def _report_file_set(row: FileSet, components: list[Component]) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "label": row.label,
        "name": row.name,
        "base_dir": row.base_dir,
        "file_count": row.file_count,
        "size_bytes": row.size_bytes,
        "frames": row.frames,
        "padding": row.padding,
        "frame_step": row.frame_step,
        "missing_frames": row.missing_frames,
        "missing": row.missing,
        "empty_frames": row.empty_frames,
        "note": row.note,
        "components": [
            {"type": c.type.value, "name": c.name, "language": c.language, "flags": c.flags, "media": c.media}
            for c in components
        ],
    }
