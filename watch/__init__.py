"""From a folder to file rows: one process a system, one watcher a storage."""
