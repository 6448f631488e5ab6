"""Approval of an object: a term for filters and facets, and the request in a hit."""

import uuid
from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from search.document import OBJECT_IDS_PARAMETER, format_date_term
from search.documents.parts.part import DocumentPart

SELECT_APPROVALS_TO_INDEX = text("""
    SELECT object_id, status, min_number, users, groups, requested_by, request_date, change_date
    FROM approval WHERE object_id = ANY(:ids)
""").bindparams(OBJECT_IDS_PARAMETER)


def read_approval_parts(session: Session, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, DocumentPart]:
    """Read approvals of objects of any kind. E-mail addresses of external reviewers are not indexed."""
    rows = session.execute(SELECT_APPROVALS_TO_INDEX, {"ids": list(ids)})
    return {
        row.object_id: DocumentPart(
            terms={"approval_status": [row.status]},
            body={
                "approval": {
                    "status": row.status,
                    "min_number": row.min_number,
                    "users": [str(each) for each in row.users],
                    "groups": [str(each) for each in row.groups],
                    "requested_by": str(row.requested_by) if row.requested_by else None,
                    "request_date": format_date_term(row.request_date),
                    "change_date": format_date_term(row.change_date),
                }
            },
        )
        for row in rows
    }
