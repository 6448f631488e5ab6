"""Every trigger by its name. What is not in here is no trigger: its message is refused, and Flower shows that."""

from collections.abc import Mapping

from tasks import trigger_storages
from tasks.trigger import Trigger

TRIGGERS: Mapping[str, Trigger] = {each.name: each for each in (trigger_storages.SCAN, trigger_storages.INGEST)}
