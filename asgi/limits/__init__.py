"""Limits that keep the process available: connections, bodies, and work at once."""
