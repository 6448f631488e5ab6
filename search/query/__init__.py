"""The query language: criteria, ranges, ordering and text analysis."""
