"""``python -m headtohead.launching.child <parent> <cores> <command ...>``: become the command, tied to the parent's life.

A job must not outlive its controller, which would start it a second time. Done between fork and exec of a process of
its own, since Python cannot run code safely there in a parent that has threads.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(parent: int, cores: list[int], command: list[str]) -> None:
    """Pin, tie and become the command."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        os.sched_setaffinity(0, cores)
    if os.getppid() != parent:  # it died in between
        sys.exit(1)
    os.execv(command[0], command)


if __name__ == "__main__":
    main(int(sys.argv[1]), [int(core) for core in sys.argv[2].split(",")], sys.argv[3:])
