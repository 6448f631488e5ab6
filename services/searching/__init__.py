"""The query side of search."""
