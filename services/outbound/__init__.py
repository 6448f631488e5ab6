"""Transactional outboxes for mail and webhooks, and their delivery."""
