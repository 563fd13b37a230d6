"""A child that hangs ends with a test's name and a stack, and takes nobody's hour."""

from __future__ import annotations

import faulthandler
import signal
import time

import pytest

import command_line


def test_a_child_that_hangs_is_aborted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(command_line, "HANGS", 0.5)

    def hang() -> None:
        faulthandler.disable()  # its stack is of no interest here
        time.sleep(60)

    assert command_line.in_child(hang) == -signal.SIGABRT
