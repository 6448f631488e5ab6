"""Reports that people sign off: kept with who and when, and an entry in the history of every asset that they cover."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from models.access.acl import Actor
from models.catalog.evidence import ReadinessReport
from models.catalog.history import Operation
from models.core.base import new_id
from services.core.history import HistoryEntry, copy_history
from services.readiness.ready import ReadyAnswer

MAX_LISTED_REPORTS = 100
SELECT_ASSETS = text("""
    SELECT DISTINCT file_set.asset_id FROM file_set_file AS member JOIN file_set ON file_set.id = member.file_set_id
    WHERE member.file_id = ANY(CAST(:files AS uuid[])) ORDER BY file_set.asset_id
""")


def sign_off_report(
    session: Session, answer: ReadyAnswer, report: Mapping[str, Any], actor: Actor, deed: str = "signed off"
) -> ReadinessReport:
    """Keep a report, and write it to the history of the assets in its folder."""
    verdict = answer.verdict
    kept = ReadinessReport(
        id=new_id(),
        storage_id=answer.facts.storage_id,
        path=report["path"],
        answer=verdict.answer.value,
        level=verdict.level.value,
        actor=actor.name,
        user_id=actor.user_id,
        report=dict(report),
    )
    session.add(kept)
    question = "content" if verdict.level.value == "content" else "completeness"
    said = f'{deed}: {question} of "{report["folder"]}" is {verdict.answer.value} (report {kept.id})'
    assets = session.scalars(SELECT_ASSETS, {"files": answer.facts.file_ids})
    copy_history(session, [HistoryEntry(asset_id, Operation.ANALYZE, said) for asset_id in assets], actor)
    return kept


def list_readiness_reports(session: Session, storage_id: uuid.UUID | None = None) -> Sequence[ReadinessReport]:
    """Return the newest reports, of one storage or of all."""
    query = select(ReadinessReport).order_by(ReadinessReport.id.desc()).limit(MAX_LISTED_REPORTS)
    if storage_id is not None:
        query = query.where(ReadinessReport.storage_id == storage_id)
    return session.scalars(query).all()
