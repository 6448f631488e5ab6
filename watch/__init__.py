"""The watcher: keeps file rows equal to the folders on disk, and marks the islands that changed as dirty."""
