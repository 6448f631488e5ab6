"""Processes and the `tapeless` command."""
