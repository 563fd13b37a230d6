"""SIGTERM asks a run to stop: a step is finished and saved first, anything else is left at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from headtohead.errors import Interrupted


class StopRequest:
    """Whether this process was asked to stop. Clusters, ``kill`` and our launchers all ask with SIGTERM."""

    def __init__(self) -> None:
        self._asked = False
        self._is_in_steps = False

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Listen, where this is a main thread: no other may take signals."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        earlier = signal.signal(signal.SIGTERM, self._ask)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, earlier)

    @contextmanager
    def in_steps(self) -> Iterator[None]:
        """Leave it to ``asked``: the block goes on to where it can save.

        Raises:
            Interrupted: at the block's end, if it has not stopped by itself.
        """
        self._is_in_steps = True
        try:
            yield
        finally:
            self._is_in_steps = False
        if self._asked:
            raise Interrupted("asked to stop")

    def asked(self) -> bool:
        """Whether to stop after this step."""
        return self._asked

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self._asked:  # told twice, while what stands is being written
            return
        self._asked = True
        if not self._is_in_steps:
            raise Interrupted("asked to stop")
