"""Embedded PostgreSQL and Valkey from their wheels, for a machine without any server installed."""
