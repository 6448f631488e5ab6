"""Expired deleted segments are purged in batches, with their answers; recent ones are kept."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from models.access.acl import Actor
from models.catalog.asset import Asset
from models.catalog.segment import Segment, SegmentStatus, SegmentType
from models.core.sessions import Sessions
from services.catalog.assets.assets import create_empty_asset
from services.catalog.segments import segments
from services.catalog.segments.segments import NewSegment, create_segments, purge_segments

SYSTEM = Actor("x", is_admin=True)


def test_segments_go_in_batches_until_none_is_left(sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "MAX_PURGED_SEGMENTS", 2)
    with sessions.begin() as session:
        asset = create_empty_asset(session, Asset(title="clip"), SYSTEM)
        said = create_segments(session, asset, [NewSegment(SegmentType.COMMENT)] * 6, SYSTEM)
        for days, segment in zip((40, 40, 40, 40, 40, 1), said, strict=True):
            segment.status, segment.date_deleted = SegmentStatus.DELETED, datetime.now(UTC) - timedelta(days=days)
    month = timedelta(days=30).total_seconds()
    gone = []
    for _ in range(4):
        with sessions.begin() as session:
            gone.append(purge_segments(session, month))
    assert gone == [2, 2, 1, 0]
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(Segment)) == 1
