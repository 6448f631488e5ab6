"""Posters, strips and thumbnails of media."""
