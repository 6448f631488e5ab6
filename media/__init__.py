"""Reading and writing media files; no database rows, no queue."""
