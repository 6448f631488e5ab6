"""The scheduler under the name that compose files and units of operators use: `--scheduler workers.beat:Bell`."""

from workers.celery.scheduler import ConditionalScheduler as Bell

__all__ = ["Bell"]
