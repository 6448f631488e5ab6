"""Shared parts of the benchmarks: a tree to drop, a running system, and the straight-line floor."""
