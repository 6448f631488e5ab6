"""Parsers of sidecars, checksum lists and camera XML."""
