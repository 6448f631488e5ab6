"""Check that headers, previews and renditions are there, on disk too."""

from models.core.sessions import transact
from services.core.actors import SETUP_ACTOR
from services.core.folder_markers import find_media_folder_fault
from services.media.missing_media import find_missing_media, list_unreachable_roots
from services.media.rebuild import start_media_rebuild
from services.operations.check_result import CheckResult, VerifyContext

REBUILD_ADVICE = "tapeless media rebuild --missing makes them again"


def check_media(audited: VerifyContext, repair: bool) -> CheckResult:
    """Check that media was read, and that previews and renditions are where their rows say; a repair has them made
    again."""
    found = CheckResult("media", "every header, preview and rendition is there, waits, or has a reason")
    if fault := find_media_folder_fault(audited.sessions, audited.media_folder):
        # From here everything would seem to be missing, and a repair would make it all again.
        found.notes.append(f"not checked from this machine: {fault}")
        return found
    for seen, missing in find_missing_media(audited.sessions, audited.media_folder):
        found.checked += seen
        for one in missing:
            found.add_violation(one.sentence())
    if found.broken and repair:
        transact(audited.sessions, start_media_rebuild, SETUP_ACTOR, only_missing=True)
        found.repaired = found.broken
    elif found.broken:
        found.notes.append(REBUILD_ADVICE)
    with audited.sessions() as session:
        for root in list_unreachable_roots(session):
            found.add_violation(f'the folder "{root}" of renditions is not there: mount it again')
    return found
