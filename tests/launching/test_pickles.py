"""The one pickle on disk, submitit's of a SLURM job: a command and its folders, and nothing that must be unpickled here."""

from __future__ import annotations

import ast
import pickle
import pickletools
from pathlib import Path

from submitit.core.utils import DelayedSubmission

from command_line import ROOT
from headtohead.launching.slurm_task import SlurmTask

READS_PICKLES = {"pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}


def test_what_submitit_pickles_is_a_command_and_folders(tmp_path: Path) -> None:
    task = SlurmTask(command=["python", "run.py", "seed=1"], folder="/runs/one", members=("/runs/two",))
    DelayedSubmission(task).dump(tmp_path / "task.pkl")
    written = (tmp_path / "task.pkl").read_bytes()
    texts = {str(value) for code, value, _ in pickletools.genops(written) if "UNICODE" in code.name}
    modules = {text for text in texts if text.partition(".")[0] in ("headtohead", "torch", "omegaconf", "submitit")}
    assert modules == {"headtohead.launching.slurm_task", "submitit.core.utils"}
    assert {"run.py", "seed=1", "/runs/one", "/runs/two"} <= texts
    assert pickle.loads(written).function == task


def test_no_module_of_ours_imports_a_library_that_unpickles() -> None:
    for path in [*(ROOT / "src").rglob("*.py"), ROOT / "run.py"]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            assert not {name.partition(".")[0] for name in names} & READS_PICKLES, path
