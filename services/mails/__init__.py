"""Mails: every kind with its composer, and all their texts in `templates`."""
