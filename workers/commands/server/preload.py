"""Imports what the processes of `tapeless up` need; loaded once, by their fork server.

Nothing here reads settings or opens anything: that is done by each process after its fork.
"""

from importlib import import_module

import celery.apps.beat
import celery.bin.celery
import celery.concurrency.prefork
import celery.worker.components  # noqa: F401

import workers.celery.scheduler
import workers.commands.server.api
import workers.commands.server.watch  # noqa: F401
from workers.celery.app import TASK_MODULES

for module in TASK_MODULES:
    import_module(module)
