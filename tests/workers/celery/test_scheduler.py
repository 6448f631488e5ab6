"""The scheduler ends when it was asked to."""

from threading import Thread

from celery import Celery
from celery.beat import Service
from celery.schedules import schedule

from workers.celery.scheduler import SWEEP_TASK, ConditionalScheduler


def test_a_stop_that_a_library_loses_ends_beat_at_its_next_turn() -> None:
    class Losing(ConditionalScheduler):
        def setup_schedule(self) -> None:
            self.update_from_dict({SWEEP_TASK: {"task": SWEEP_TASK, "schedule": schedule(0.01, app=self.app)}})

        def _is_needed(self, task: str) -> bool:
            service.sync()  # as Celery's handler of SIGTERM does, whose SystemExit is lost here
            return False

    service = Service(Celery("test", broker="memory://"), scheduler_cls=Losing)
    beat = Thread(target=service.start, daemon=True)
    beat.start()
    beat.join(20)
    assert not beat.is_alive()
