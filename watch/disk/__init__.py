"""What the disk says: events, listings, mount identity and when a file has settled."""
