"""Metadata fields, views, categories and values."""
