"""The pipeline's time constants in one typed value, so that a test shortens them without patching anything."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds; what each one waits for stands beside it. Times of rows are the database's, never a host's."""

    close_seconds: float = 1.0
    """A file that was closed or renamed into place is stable after this long, instead of its storage's threshold."""
    quiet_seconds: float = 0.3
    """An island is due when nothing in it changed for this long …"""
    dirty_seconds: float = 5.0
    """… or when it was dirty for this long, so that a restless folder is published too."""
    growth_seconds: float = 10.0
    """A file set that grew is told in history once nothing joined it for this long, not at every settling."""
    handed_seconds: float = 10.0
    """An island handed to the queue counts as outstanding for this long; a lost message frees its place by itself."""
    lease_seconds: float = 20.0
    """A claim that is not renewed for this long may be taken by somebody else."""
    sweep_seconds: float = 5.0
    """How often leases and waiting rows are looked after."""
    recycle_seconds: float = 30 * 86_400.0
    """A deleted asset can be restored for this long; then it is purged for good."""
    ring_seconds: float = 5.0
    """How often beat looks for waiting rows whose message may have been lost."""
    look_seconds: float = 1.0
    """How long a download goes on at most after what it was allowed by has ended, while bytes flow."""
    answer_seconds: float = 5.0
    """A webhook's target that says nothing for this long has not answered …"""
    longest_answer_seconds: float = 10.0
    """… nor has one that drips, byte by byte, for this long: it would keep its worker for ever."""
