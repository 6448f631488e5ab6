"""Building search documents and asking the index."""
