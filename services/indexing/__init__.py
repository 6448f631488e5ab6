"""The write side of search: drain, audit, rebuild, tombstones."""
