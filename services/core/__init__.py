"""Errors, history, audit log, actors, signing and lease heartbeats: what every other service uses."""
