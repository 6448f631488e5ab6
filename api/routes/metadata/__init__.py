"""Metadata fields, views and values."""
