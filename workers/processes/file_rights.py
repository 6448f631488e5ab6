"""What each process of a system may do with files of other users, where root started it."""

import os
from enum import StrEnum

from models.core.capabilities import (
    CAP_DAC_READ_SEARCH,
    CAP_LEASE,
    NO_CAPABILITIES,
    READ_MASK,
    capability_mask,
    permitted_capabilities,
    set_capabilities,
)

WATCH_MASK = capability_mask(CAP_DAC_READ_SEARCH, CAP_LEASE)


class FileRights(StrEnum):
    """What a process may do with files of other users, at most; nothing where `tapeless up` itself may not."""

    NONE = "none"
    ON_REQUEST = "on request"
    """Read, where a function asks for it (`models/core/capabilities.py`)."""
    READ = "read"
    WATCH = "watch"
    """Read, and ask whether a process writes."""
    INHERITED = "inherited"
    """Read, also in the programs that it runs, as it and they cannot reach their own files otherwise."""

    @property
    def mask(self) -> int:
        """Capabilities in bits."""
        return {FileRights.NONE: NO_CAPABILITIES, FileRights.WATCH: WATCH_MASK}.get(self, READ_MASK)


def limit_rights(rights: FileRights) -> None:
    """Keep only these rights in this process, unless it is root where there is no other user."""
    permitted = permitted_capabilities()
    if permitted and os.geteuid() != 0:
        kept = permitted & rights.mask
        inherited = kept if rights is FileRights.INHERITED else NO_CAPABILITIES
        set_capabilities(NO_CAPABILITIES if rights is FileRights.ON_REQUEST else kept, kept, inherited)
