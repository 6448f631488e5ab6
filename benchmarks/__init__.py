"""Programs that measure; each prints figures, none is a timed test."""
