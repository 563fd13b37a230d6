"""A child that hangs ends with a test's name and a stack, and takes nobody's hour."""

from __future__ import annotations

import signal
import time

import pytest

import command_line


def test_a_child_that_hangs_is_aborted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(command_line, "HANGS", 0.5)
    assert command_line.in_child(lambda: time.sleep(60)) == -signal.SIGABRT
