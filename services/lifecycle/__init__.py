"""Delete, restore, merge and purge across aggregates, and retention."""
