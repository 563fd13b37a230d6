"""What do our Hydra plugins cost every Hydra application in the environment, at every start?

    python benchmarks/plugin_discovery.py

``--help`` of an application of three lines with our ``hydra_plugins`` on its path and without, in turns; processor time,
since machines are shared. Nothing else of the environment's ``site-packages`` hooks is loaded (``python -S``).
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

PAIRS = 20
APPLICATION = """
import hydra
@hydra.main(version_base="1.3", config_path=None)
def main(cfg): pass
main()
"""


def processor_seconds(application: Path, paths: list[Path]) -> float:
    """Return what ``--help`` takes."""
    before = os.times()
    path = os.pathsep.join(map(str, paths))
    subprocess.run(
        [sys.executable, "-S", str(application), "--help"],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def main() -> None:
    """Measure pairs and print the difference."""
    import hydra_plugins

    packages = Path(sysconfig.get_paths()["purelib"])
    with tempfile.TemporaryDirectory() as folder:
        application = Path(folder) / "app.py"
        application.write_text(APPLICATION)
        for own in (Path(place) for place in hydra_plugins.__path__):
            for package in own.glob("headtohead_*"):
                shutil.copytree(package, Path(folder) / "with" / "hydra_plugins" / package.name, dirs_exist_ok=True)
        settings = {"without": [packages], "with": [Path(folder) / "with", packages]}
        for paths in settings.values():  # bytecode is written once
            processor_seconds(application, paths)
        seen = [{name: processor_seconds(application, paths) for name, paths in settings.items()} for _ in range(PAIRS)]
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
