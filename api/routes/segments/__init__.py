"""Segments, caption import and export."""
