"""Import captions again when their file changes.

Ingest calls this hook after its writes. Files that no user asked to import captions from are not read.
"""

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.catalog.asset import ASSET_KIND
from models.core.paths import display_path
from models.queues.job import JOB_QUEUE
from services.ingest.effects import IngestWrite
from services.jobs.jobs import add_job

CAPTION_TASK = "maintenance.captions"
"""Celery task of caption jobs (`sidecars.caption_import`)."""
CAPTION_JOB_TYPE = "TRANSCRIPTION"
AUTOMATIC_KEY = "by_itself"

# Starts from segments, because a sequence has up to a hundred thousand files but no captions. A waiting job will read
# the current file, so no second one is needed; a running job may have read the previous version.
CAPTION_FILES_TO_REREAD = text(f"""
    SELECT read.asset_id, file.id AS file_id, file.name FROM (
        SELECT segment.asset_id, transcription_id FROM segment
        WHERE segment_type = 'TRANSCRIPTION' AND status = 'ACTIVE' AND transcription_id IS NOT NULL
            AND asset_id IN (SELECT file_set.asset_id FROM file_set WHERE id = ANY(CAST(:sets AS uuid[])))
        UNION SELECT file_set.asset_id, member.file_id FROM component
        JOIN file_set ON file_set.id = component.file_set_id
        JOIN file_set_file AS member ON member.file_set_id = file_set.id
        WHERE component.file_set_id = ANY(CAST(:sets AS uuid[])) AND from_header AND media ? 'caption_notes'
    ) AS read
    JOIN file_set_file AS member ON member.file_id = read.transcription_id
    JOIN file_set ON file_set.id = member.file_set_id AND file_set.asset_id = read.asset_id
        AND file_set.id = ANY(CAST(:sets AS uuid[]))
    JOIN file ON file.id = member.file_id
    WHERE NOT EXISTS (SELECT FROM {JOB_QUEUE.view} AS job
        WHERE object_id = read.asset_id AND task = :task AND job.status = 'READY'
        AND lease_until IS NULL AND parked_at IS NULL AND arguments ->> 'file_id' = CAST(file.id AS text))
    ORDER BY file.id
""")


def reread_changed_captions(session: Session, written: IngestWrite) -> int:
    """Create jobs that read changed caption files of existing assets again; return their number."""
    sets = list(written.changed_sets - written.new_sets)
    if not sets:
        return 0
    rows = session.execute(CAPTION_FILES_TO_REREAD, {"sets": sets, "task": CAPTION_TASK}).all()
    for row in rows:
        title = f"Read the captions of {display_path(bytes(row.name))} again"
        arguments = {"file_id": str(row.file_id), "replaces_all": False, AUTOMATIC_KEY: True}
        about = {"object_type": ASSET_KIND, "object_id": row.asset_id}
        add_job(session, CAPTION_TASK, CAPTION_JOB_TYPE, title, None, arguments=arguments, **about)
    return len(rows)
