"""Pending work as rows: islands, jobs, media work, index marks, mail and webhooks."""
