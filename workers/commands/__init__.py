"""Subcommands of `tapeless`, one module each: parse, call, print."""
