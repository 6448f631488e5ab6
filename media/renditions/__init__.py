"""Encoding renditions: decoding, filtering, muxing."""
