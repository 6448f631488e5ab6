"""The Celery app under the name that compose files and units of operators use: `celery -A workers.app`."""

from workers.celery.app import app

__all__ = ["app"]
