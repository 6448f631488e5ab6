"""Confined child processes: seccomp, limits, the protocol, safe opening."""
