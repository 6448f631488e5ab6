"""Sidecar metadata, checksum manifests and caption import."""
