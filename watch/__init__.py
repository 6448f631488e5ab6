"""The ingester: from a folder on disk to file rows and dirty islands, and the pure function that groups them."""
