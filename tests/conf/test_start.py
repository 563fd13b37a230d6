"""Looking at the configuration is quick: heavy libraries are imported when they are used."""

from __future__ import annotations

import copy
import re
import resource
import subprocess
import sys

import pytest
from hydra.core.config_store import ConfigStore

from command_line import ROOT
from headtohead.hydra_io import schema  # noqa: F401 - makes the store one for all
from hydra_plugins.headtohead_launchers import config as launchers  # noqa: F401 - stores them


@pytest.mark.slow  # two starts
@pytest.mark.parametrize("asked", [["--help"], ["--cfg", "job"]])
def test_it_takes_little_processor_time(asked: list[str]) -> None:
    """Under the second and a half that was asked for, and not by the clock, which other work on the machine slows."""
    seconds = []
    for _ in range(2):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "run.py", *asked], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(seconds) < 1.5


def test_hydras_store_is_not_copied_but_what_is_loaded_from_it_is() -> None:
    store = ConfigStore.instance()
    assert copy.deepcopy(store) is store
    loaded = store.load("hydra/launcher/local.yaml")
    loaded.node.cores_per_job = 7
    assert store.load("hydra/launcher/local.yaml").node.cores_per_job == 1


def test_a_started_process_has_every_resolver_that_configuration_files_name() -> None:
    """A new Python, since other tests import the modules that register them."""
    named = {
        name
        for path in (ROOT / "conf").rglob("*.yaml")
        for name in re.findall(r"\$\{(headtohead\.\w+):", path.read_text())
    }
    assert len(named) > 5
    code = "import sys, headtohead.entry, omegaconf; print(*[n for n in sys.argv[1:] if not omegaconf.OmegaConf.has_resolver(n)])"
    done = subprocess.run([sys.executable, "-c", code, *named], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
