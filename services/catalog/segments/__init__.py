"""Comments, markers and other time-based metadata."""
