"""Registry of triggers by name. A message with any other name is rejected, and shows as failed in Flower."""

from collections.abc import Mapping

from services.triggers.objects import (
    APPROVAL_TRIGGER,
    METADATA_TRIGGER,
    REINDEX_TRIGGER,
    SHARE_TRIGGER,
    TRANSCODE_TRIGGER,
)
from services.triggers.readiness import READY_TRIGGER
from services.triggers.spec import Trigger
from services.triggers.storages import INGEST_TRIGGER, SCAN_TRIGGER

TRIGGER_REGISTRY: Mapping[str, Trigger] = {
    each.name: each
    for each in (
        SCAN_TRIGGER,
        INGEST_TRIGGER,
        METADATA_TRIGGER,
        APPROVAL_TRIGGER,
        SHARE_TRIGGER,
        REINDEX_TRIGGER,
        TRANSCODE_TRIGGER,
        READY_TRIGGER,
    )
}
