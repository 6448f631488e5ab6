"""What tells that pages may show something else by now, in one statement that reads the ends of indexes."""

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.queues.registry import JOB_QUEUE, MARK_QUEUE, WORK_QUEUES

MAX_COUNTED_MARKS = 1_000
"""More documents than this wait as many as this: what changes is enough."""
IS_UNDER_WAY = "status IN ('READY', 'STARTED') AND parked_at IS NULL"
"""Jobs of Tapeless and of other systems, which the index of waiting jobs holds alike. One that is paused, or waits for
something else, is seen again once it goes on."""
READ_NEWS_STATE = text(f"""
    SELECT CAST(ROW(
            (SELECT id FROM history ORDER BY id DESC LIMIT 1),
            (SELECT id FROM segment ORDER BY id DESC LIMIT 1),
            (SELECT count(*) FROM (
                SELECT FROM {MARK_QUEUE.view} AS mark WHERE {MARK_QUEUE.is_pending} LIMIT {MAX_COUNTED_MARKS}
            ) AS counted)
        ) AS text) AS assets,
        (SELECT string_agg(CAST(ROW(
            id, status, frozen_reason, unsettled, scan_entries, last_scanned, watcher_error, removed_at
        ) AS text), ',' ORDER BY id) FROM storage) AS storages,
        CAST(ROW(
            (SELECT id FROM {JOB_QUEUE.view} AS job ORDER BY id DESC LIMIT 1),
            (SELECT CAST(ROW(count(*), max(date_modified)) AS text) FROM {JOB_QUEUE.view} AS job
                WHERE {IS_UNDER_WAY}),
            {" + ".join(queue.dead_count for queue in WORK_QUEUES)}
        ) AS text) AS work
""")


def read_news_state(session: Session) -> dict[str, str]:
    """Return a text for each topic, which is another one after something changed."""
    row = session.execute(READ_NEWS_STATE).one()
    return {"assets": row.assets or "", "storages": row.storages or "", "work": row.work or ""}
