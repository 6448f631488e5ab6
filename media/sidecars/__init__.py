"""Sidecar readers: metadata and checksums in small files beside media. No database rows, and no file opened by name."""
