"""Registry of triggers by name. A message with any other name is rejected, and shows as failed in Flower."""

from collections.abc import Mapping

from tasks.trigger import Trigger
from tasks.trigger_media import TRANSCODE
from tasks.trigger_objects import APPROVAL, METADATA, REINDEX, SHARE
from tasks.trigger_storages import INGEST, SCAN

TRIGGERS: Mapping[str, Trigger] = {
    each.name: each for each in (SCAN, INGEST, METADATA, APPROVAL, SHARE, REINDEX, TRANSCODE)
}
