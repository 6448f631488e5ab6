"""Reading and writing media files; no rows, no queue."""
