"""``python -m headtohead.child <parent> <cores> <command ...>``: become the command, tied to the parent's life.

A job must not outlive its controller, which would start it a second time, nor a gate the export that asks it. Done
between fork and exec of a process of its own, since Python cannot run code safely there in a parent that has threads.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Iterable, Sequence

PR_SET_PDEATHSIG = 1


def tied(command: Sequence[str], cores: Iterable[int] = ()) -> list[str]:
    """Return a command that ends with this process; where cores are given, pinned to them."""
    pinned = ",".join(map(str, cores))
    return [sys.executable, "-m", "headtohead.child", str(os.getpid()), pinned, *command]


def main(parent: int, cores: list[int], command: list[str]) -> None:
    """Pin, tie and become the command."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if cores:
            os.sched_setaffinity(0, cores)
    if os.getppid() != parent:  # it died in between
        sys.exit(1)
    os.execv(command[0], command)


if __name__ == "__main__":
    main(int(sys.argv[1]), [int(core) for core in sys.argv[2].split(",") if core], sys.argv[3:])
