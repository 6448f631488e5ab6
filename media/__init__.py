"""Reading and writing media files; knows no rows."""
