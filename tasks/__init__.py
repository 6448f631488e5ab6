"""Celery tasks, one module a queue; each calls one service and names the tasks to wake next."""
