"""The collection tree, its contents, permissions and folder mirrors."""
