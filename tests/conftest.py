"""What every test stands on: no hub, one thread, shapes checked at run time, one cache folder for the session."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import jaxtyping
import pytest

# Before torch, transformers, datasets or headtohead are imported by any test module.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_DATASETS_OFFLINE"] = "1"
os.environ["WANDB_MODE"] = "disabled"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["OMP_NUM_THREADS"] = "1"  # torch's threads; workers of pytest-xdist share the cores
# Annotations that only a type checker can resolve (imports under TYPE_CHECKING) count as Any.
jaxtyping.install_import_hook("headtohead", "runtime_types.check")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite the golden files that tests compare with")


# The same examples everywhere, and no limit on one example's time: the first one may load a tokenizer.
hypothesis.settings.register_profile("tests", deadline=None, derandomize=True, database=None, max_examples=50)
hypothesis.settings.load_profile("tests")


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update-golden"))


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The session's cache of fetched and made models and data."""
    return tmp_path_factory.mktemp("cache")
