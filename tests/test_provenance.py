"""What a record says of the machine is of its own run."""

from __future__ import annotations

from pathlib import Path

import pytest

from headtohead.provenance import peak_memory_bytes, reset_peak_memory

MEGABYTES = 2**20


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux can forget a peak")
def test_a_run_does_not_inherit_the_memory_of_an_earlier_one() -> None:
    reset_peak_memory()
    held = bytearray(300 * MEGABYTES)
    held[::4096] = bytes(len(held[::4096]))
    with_it = peak_memory_bytes()
    del held
    reset_peak_memory()
    assert peak_memory_bytes() < with_it - 250 * MEGABYTES
