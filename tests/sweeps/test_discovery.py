"""Hydra imports every plugin module at every start, of other applications in the environment too."""

from __future__ import annotations

import json
import subprocess
import sys

LIGHT = {"hydra", "hydra_plugins", "omegaconf", "yaml", "antlr4", "packaging", "headtohead"}


def test_plugins_import_nothing_heavy() -> None:
    looked = (
        "import importlib, json, pkgutil, sys, hydra.core.config_store, hydra.plugins.launcher, hydra.plugins.sweeper\n"
        "before = set(sys.modules)\n"
        "import hydra_plugins\n"
        "names = [m.name for m in pkgutil.walk_packages(hydra_plugins.__path__, 'hydra_plugins.') if 'headtohead' in m.name]\n"
        "[importlib.import_module(name) for name in names]\n"
        "print(json.dumps([names, sorted({name.partition('.')[0] for name in set(sys.modules) - before})]))"
    )
    done = subprocess.run([sys.executable, "-c", looked], capture_output=True, text=True, check=True)
    names, imported = json.loads(done.stdout)
    assert "hydra_plugins.headtohead_sweeper.sweeper" in names
    assert set(imported) - set(sys.stdlib_module_names) <= LIGHT
