"""What a result depends on besides its configuration: code, packages, hardware."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import platform
import subprocess
import sys
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

PACKAGES = (
    "torch",
    "transformers",
    "peft",
    "bitsandbytes",
    "accelerate",
    "datasets",
    "tokenizers",
    "scikit-learn",
    "numpy",
    "pandas",
    "hydra-core",
    "omegaconf",
    "wandb",
    "optuna",
)
SOURCES = Path(__file__).parent
CONF = SOURCES / "conf"
"""The configuration files; in a clone a link to ``conf/``, in a wheel the folder itself."""
FROZEN_STATE = SOURCES.parents[1] / "frozen.json"
"""Beside sources that were copied for a sweep's jobs: the state of the checkout they came from."""


@functools.cache  # a process goes on with the code it began with, whatever is edited since
def code_fingerprint() -> str:
    """Return a hash of the package's own source files: the code a run was made by, committed or not."""
    digest = hashlib.sha256()
    for path in sorted(SOURCES.rglob("*.py")):
        digest.update(str(path.relative_to(SOURCES)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


@functools.cache
def git_state() -> dict[str, Any]:
    """Return commit, branch and whether the tree is dirty; nulls outside a checkout."""
    if FROZEN_STATE.exists():
        state: dict[str, Any] = json.loads(FROZEN_STATE.read_text(encoding="utf-8"))
        return state

    def git(*arguments: str) -> str | None:
        try:
            done = subprocess.run(
                ["git", *arguments], cwd=SOURCES, capture_output=True, text=True, timeout=20, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    status = git("status", "--porcelain", "--untracked-files=no")
    return {
        "commit": git("rev-parse", "HEAD"),
        "branch": git("rev-parse", "--abbrev-ref", "HEAD"),
        "dirty": None if status is None else bool(status),
    }


@functools.cache
def package_versions() -> dict[str, str]:
    """Return the installed versions of the packages a result depends on."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def hardware() -> dict[str, Any]:
    """Return processor, cores this process may use, memory and, where torch is loaded, its GPU."""
    about: dict[str, Any] = {
        "machine": platform.machine(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else None,
    }
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        about["gpu"] = torch.cuda.get_device_name()
        about["gpus"] = torch.cuda.device_count()
    if torch is not None:
        about["threads"] = torch.get_num_threads()
    return about


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor()


def reset_peak_memory() -> None:
    """Forget the largest memory held so far, so that runs of one process do not inherit each other's.

    Where the system cannot (outside Linux, or without the right), ``peak_memory_bytes`` goes on from the largest so far.
    """
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # proc(5): resets VmHWM


def peak_memory_bytes() -> int:
    """Return the largest memory since ``reset_peak_memory``: of the GPU where one was used, else resident."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    status = Path("/proc/self/status")
    if status.exists():
        return next(int(line.split()[1]) * 1024 for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
