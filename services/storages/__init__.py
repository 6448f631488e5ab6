"""Storages, their settings and the files that clients declare on them."""
