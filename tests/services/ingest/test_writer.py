"""Rows of new assets as COPY writes them: as many values as columns, each in its place."""

import json

import pytest

from models.access.acl import AclEntry
from models.catalog.asset import Asset, Component, FileSet, FileSetFile, Format
from models.core.base import Base
from services.ingest import writer
from services.ingest.changeset import IngestChanges
from services.ingest.create import create_ingested_asset
from services.ingest.update import EMPTY_FILE_SET_COLUMNS
from tests.services.ingest.catalog import Catalog


def changes_of(*paths: str) -> IngestChanges:
    catalog = Catalog()
    catalog.arrive(*paths)
    changes = IngestChanges()
    for planned in catalog.plan():
        create_ingested_asset(planned, changes)
    return changes


NEW = changes_of("shots/plate.0001.exr", "shots/plate.0002.exr", "a.mov", "a.en.srt", "a.xml")


@pytest.mark.parametrize(
    ("rows", "columns"),
    [
        (NEW.new_assets, writer.INGEST_ASSET_COLUMNS),
        (NEW.new_formats, writer.INGEST_FORMAT_COLUMNS),
        (NEW.new_components, writer.INGEST_COMPONENT_COLUMNS),
        (NEW.new_members, writer.INGEST_MEMBER_COLUMNS),
    ],
    ids=["assets", "formats", "components", "members"],
)
def test_a_new_row_has_a_value_for_each_column(rows: list[tuple[object, ...]], columns: tuple[str, ...]) -> None:
    assert rows
    assert {len(row) for row in rows} == {len(columns)}


def test_a_new_file_set_has_every_column_and_no_other() -> None:
    assert {frozenset(row) for row in NEW.new_file_sets} == {frozenset(writer.INGEST_FILE_SET_COLUMNS)}
    assert EMPTY_FILE_SET_COLUMNS.keys() <= set(writer.INGEST_FILE_SET_COLUMNS)


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        (Asset, writer.INGEST_ASSET_COLUMNS),
        (AclEntry, writer.INGEST_ACL_COLUMNS),
        (Format, writer.INGEST_FORMAT_COLUMNS),
        (FileSet, writer.INGEST_FILE_SET_COLUMNS),
        (Component, writer.INGEST_COMPONENT_COLUMNS),
        (FileSetFile, writer.INGEST_MEMBER_COLUMNS),
    ],
)
def test_columns_that_are_left_out_have_a_default(table: type[Base], columns: tuple[str, ...]) -> None:
    left_out = [column for column in table.__table__.columns if column.name not in columns]
    assert set(columns) <= set(table.__table__.columns.keys())
    assert [column.name for column in left_out if not column.nullable and column.server_default is None] in ([], ["id"])


def test_names_that_no_encoding_has_can_be_stored() -> None:
    catalog = Catalog()
    catalog.arrive(b"caf\xe9.mov", b"caf\xe9.en.srt", b"caf\xe9_proxy.mov")
    changes = IngestChanges()
    for planned in catalog.plan():
        create_ingested_asset(planned, changes)
    texts = [
        value
        for row in (*changes.new_assets, *changes.new_components, *changes.new_formats)
        for value in row
        if isinstance(value, str)
    ]
    texts += [value for row in changes.new_file_sets for value in row.values() if isinstance(value, str)]
    texts += [entry.description for entry in changes.history]
    assert "caf\\xe9" in texts
    assert json.dumps(texts, ensure_ascii=False).encode()
