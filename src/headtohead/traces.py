"""Stack traces for people who want them: ``HYDRA_FULL_ERROR=1``, a person's wish, which this project reads and never sets."""

from __future__ import annotations

import os

KEY = "HYDRA_FULL_ERROR"


def wanted() -> bool:
    """Whether the person who started this process wants to see stack traces."""
    return os.environ.get(KEY) == "1"
