"""Assets, files, collections, segments, metadata, approvals, history and storages."""
