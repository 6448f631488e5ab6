"""Files, formats, storages, downloads, previews and renditions."""
