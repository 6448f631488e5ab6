"""A worker that takes one transcode and never ends it.

Started as `python -m tests.services.transcoding_worker DATABASE FOLDER`.
"""

import sys
from pathlib import Path

from models.core.mounts import configure_mounts
from models.core.sessions import make_engine, make_sessions
from services.renditions.encode import TranscodeContext
from services.renditions.jobs import run_next_transcode
from services.renditions.profiles import BUILT_IN_PROFILES
from tests.pipeline import FAST

if __name__ == "__main__":
    sessions = make_sessions(make_engine(sys.argv[1]))
    configure_mounts({}, Path(sys.argv[2]))
    by = TranscodeContext(BUILT_IN_PROFILES, program="tests.media.sandbox.endless_child")
    run_next_transcode(sessions, FAST, by, lambda _task, _ids: None)
