"""Processes: settings, the Celery app, embedded services, the supervisor and the `tapeless` command."""
