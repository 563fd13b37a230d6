"""What do our Hydra plugins cost every Hydra application in the environment, at every start?

    python benchmarks/plugin_discovery.py

Processor time of Hydra's plugin discovery in a new Python, with our ``hydra_plugins`` on its path and without, in turns.
Nothing else of the environment's ``site-packages`` hooks is loaded (``python -S``).
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

PAIRS = 12
DISCOVERY = """
import time
from hydra.core.plugins import Plugins
before = time.process_time()
Plugins.instance()
print(time.process_time() - before)
"""


def processor_seconds(paths: list[Path]) -> float:
    """Return what discovery takes."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))}
    command = [sys.executable, "-S", "-c", DISCOVERY]
    return float(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)


def main() -> None:
    """Measure pairs and print the difference."""
    import hydra_plugins

    packages = Path(sysconfig.get_paths()["purelib"])
    with tempfile.TemporaryDirectory() as folder:
        for own in (Path(place) for place in hydra_plugins.__path__):
            for package in own.glob("headtohead_*"):
                shutil.copytree(package, Path(folder) / "with" / "hydra_plugins" / package.name, dirs_exist_ok=True)
        settings = {"without": [packages], "with": [Path(folder) / "with", packages]}
        for paths in settings.values():  # bytecode is written once
            processor_seconds(paths)
        seen = [{name: processor_seconds(paths) for name, paths in settings.items()} for _ in range(PAIRS)]
    differences = sorted(1000 * (pair["with"] - pair["without"]) for pair in seen)
    medians = {name: 1000 * statistics.median(pair[name] for pair in seen) for name in settings}
    low, _, high = statistics.quantiles(differences, n=4)
    print("| without | with | difference, median [quartiles] |\n|---|---|---|")
    print(
        f"| {medians['without']:.0f} ms | {medians['with']:.0f} ms "
        f"| {statistics.median(differences):.0f} ms [{low:.0f}, {high:.0f}] |"
    )


if __name__ == "__main__":
    main()
