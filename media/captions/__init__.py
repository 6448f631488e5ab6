"""Caption files: text and times of every usual format."""
