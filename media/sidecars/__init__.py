"""Reading the small files beside media: what they say of their clip, or of many clips. No rows, and no file by name."""
