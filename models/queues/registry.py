"""Registry of the queues: status, metrics, backlog, verify, sweep and retention read it.

A table with lease columns that is not here fails a test.
"""

from models.queues.index_queue import MARK_QUEUE
from models.queues.island import ISLAND_QUEUE
from models.queues.job import JOB_QUEUE
from models.queues.leased_queue import WorkQueue
from models.queues.media_queue import MEDIA_QUEUE
from models.queues.outbox import DELIVERY_QUEUE, MAIL_QUEUE

__all__ = [
    "DELIVERY_QUEUE",
    "ISLAND_QUEUE",
    "JOB_QUEUE",
    "MAIL_QUEUE",
    "MARK_QUEUE",
    "MEDIA_QUEUE",
    "OUTBOXES",
    "WORK_QUEUES",
]

OUTBOXES = (MAIL_QUEUE, DELIVERY_QUEUE)
WORK_QUEUES: tuple[WorkQueue, ...] = (JOB_QUEUE, MARK_QUEUE, ISLAND_QUEUE, MEDIA_QUEUE, *OUTBOXES)
"""In the order in which operators see them."""
