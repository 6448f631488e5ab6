"""Webhooks and triggers."""
