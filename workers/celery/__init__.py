"""The Celery app, its hooks, scheduler and metrics."""
