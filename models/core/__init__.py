"""Base classes, sessions, bulk loading, paths, mounts, timing and tracing."""
