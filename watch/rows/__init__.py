"""Comparing what is on disk with file rows, and writing the difference."""
