"""A module that a fork server runs: says who it is, then ends or waits as its argument says."""

import json
import os
import signal
import sys

from workers.config.settings import make_child_environment


def main(deed: str) -> None:
    """Print one line about this process, then do the deed."""
    session = os.getsid(0) == os.getpid()
    said = {"argv": sys.argv[1:], "env": make_child_environment().get("TAKE"), "session": session, "nice": os.nice(0)}
    print(json.dumps(said), flush=True)
    if deed == "wait":
        signal.pause()
    raise SystemExit(int(deed))


if __name__ == "__main__":
    main(sys.argv[1])
