"""Rows of assets for tests that are about documents, not about ingest."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from models.core.base import new_id
from models.registry import Asset, FileSet, Format


def add_asset(session: Session, title: str, **columns: Any) -> uuid.UUID:
    """An asset without formats."""
    asset_id = new_id()
    session.add(Asset(id=asset_id, title=title, **columns))
    session.flush()
    return asset_id


def add_format(session: Session, asset_id: uuid.UUID, structure: str = "single", **columns: Any) -> uuid.UUID:
    """A format without files."""
    format_id = new_id()
    columns = {"name": "ORIGINAL", "role": "original"} | columns
    session.add(Format(id=format_id, asset_id=asset_id, version_id=asset_id, structure=structure, **columns))
    session.flush()
    return format_id


def add_file_set(
    session: Session, asset_id: uuid.UUID, format_id: uuid.UUID, names: Sequence[str], **columns: Any
) -> uuid.UUID:
    """A file set of files with these names."""
    set_id = new_id()
    columns = {"name": names[0], "names": "\n".join(names), "file_count": len(names)} | columns
    session.add(FileSet(id=set_id, asset_id=asset_id, format_id=format_id, version_id=asset_id, **columns))
    session.flush()
    return set_id


def add_clip(session: Session, title: str, names: Sequence[str] = (), **columns: Any) -> uuid.UUID:
    """An asset with one format of one file set."""
    asset_id = add_asset(session, title, **columns)
    add_file_set(session, asset_id, add_format(session, asset_id), names or [f"{title}.mov"])
    return asset_id
