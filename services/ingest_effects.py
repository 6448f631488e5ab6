"""Registry of the effects of an ingest on other domains, in the order in which they run."""

from services.approvals.reopen import reopen_approvals
from services.catalog.collections.folder_mirror import mirror_ingested_folders
from services.ingest.effects import IngestEffects
from services.lifecycle.merge import merge_automatically, unmerge_assets
from services.metadata.folder_tags import tag_created_assets
from services.readiness.arrivals import note_arrivals
from services.sidecars.refresh_captions import reread_changed_captions

INGEST_EFFECTS = IngestEffects(
    merge=merge_automatically,
    unmerge=unmerge_assets,
    # Approvals are reopened on both sides of the write: a file set may move from one asset to another in between.
    before=(reopen_approvals,),
    after=(reopen_approvals, reread_changed_captions, tag_created_assets, mirror_ingested_folders, note_arrivals),
)
