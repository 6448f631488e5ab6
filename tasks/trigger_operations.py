"""Every trigger by its name. What is not in here is no trigger: its message is refused, and Flower shows that."""

from collections.abc import Mapping

from tasks.trigger import Trigger
from tasks.trigger_media import TRANSCODE
from tasks.trigger_objects import APPROVAL, METADATA, REINDEX, SHARE
from tasks.trigger_storages import INGEST, SCAN

TRIGGERS: Mapping[str, Trigger] = {
    each.name: each for each in (SCAN, INGEST, METADATA, APPROVAL, SHARE, REINDEX, TRANSCODE)
}
