"""Time constants of the pipeline in one typed value, so that tests can shorten them without patching."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """Times in seconds. Times in rows come from the clock of the database, never from a host."""

    close_seconds: float = 1.0
    """A file that was closed or renamed into place settles after this time instead of its storage's threshold."""
    debounce_seconds: float = 0.3
    """Debounce: an island is due after this time without a change …"""
    max_debounce_seconds: float = 5.0
    """… or, at the latest, this long after it became dirty, so that busy folders are published too."""
    growth_seconds: float = 10.0
    """Growth of a file set is recorded in history after this time without additions, not on every settled file."""
    dispatch_timeout_seconds: float = 10.0
    """Dispatch timeout: a dispatched island counts as queued for this long; then the message is presumed lost."""
    lease_seconds: float = 20.0
    """A claim not renewed for this long may be taken over."""
    watcher_lease_seconds: float = 10.0
    """A watcher that did not renew its lease on a storage for this long has lost it to the next one that asks."""
    sweep_seconds: float = 5.0
    """Interval of the sweep over leases and pending rows."""
    recycle_seconds: float = 30 * 86_400.0
    """Retention of deleted assets: they can be restored for this long, and are then purged."""
    poll_seconds: float = 5.0
    """Interval at which beat polls for pending rows with a message that may have been lost."""
    download_recheck_seconds: float = 1.0
    """Interval at which a running download checks again that access is still allowed."""
    webhook_idle_seconds: float = 5.0
    """Idle timeout for webhook responses."""
    webhook_total_seconds: float = 10.0
    """Total timeout for webhook responses: a target that sends byte by byte must not occupy its worker for ever."""
    request_head_seconds: float = 10.0
    """Time in which the whole head of an HTTP request must arrive …"""
    request_body_seconds: float = 30.0
    """… and its whole body."""
    request_statement_seconds: float = 15.0
    """PostgreSQL cancels a statement of the API that takes longer; a search has a lower limit of its own."""
