"""A program of the command server in the tests: it shows what it was given, and ends as it is told."""

import os
import signal
import sys
from collections.abc import Sequence


def main(args: Sequence[str], prog_name: str) -> None:
    print(prog_name, *args, os.environ["TOLD"], os.getcwd(), sys.stdin.read().strip())
    print("on the other output", file=sys.stderr)
    if args[0] == "stay":
        sys.stdout.flush()
        signal.pause()
    sys.exit(int(args[1]))
