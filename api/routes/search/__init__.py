"""Search, saved searches and reindexing."""
