"""`tapeless`'s own trigger worker that takes up what a dead one left after a second, not after minutes.

    python -m tests.faults.trigger_worker

Broker and database by the environment, as for every worker.
"""

from workers.celery.app import app

SOON = {"visibility_timeout": 1, "unacked_restore_interval": 1, "unacked_restore_throttle": 1}

if __name__ == "__main__":
    app.conf.broker_transport_options = {**app.conf.broker_transport_options, **SOON}
    app.worker_main(["worker", "-n", "trigger@%h", "-Q", "trigger", "-c", "1", "--without-gossip", "--without-mingle"])
