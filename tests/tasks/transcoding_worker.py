"""A worker that takes one transcode and never ends it: `python -m tests.tasks.transcoding_worker DATABASE FOLDER`."""

import sys
from pathlib import Path

from models.sessions import make_engine, make_sessions
from tasks.transcode_profiles import BUILT_IN
from tasks.transcode_run import Transcoder
from tasks.transcodes import transcode_next
from tests.pipeline import FAST

if __name__ == "__main__":
    sessions = make_sessions(make_engine(sys.argv[1]))
    by = Transcoder(sessions, FAST, BUILT_IN, Path(sys.argv[2]), program="tests.media.never_ending")
    transcode_next(by, lambda _task, _ids: None)
