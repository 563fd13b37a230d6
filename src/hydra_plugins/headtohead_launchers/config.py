"""``hydra/launcher: local``: the keys of the launcher of several processes."""

from dataclasses import dataclass

from hydra.core.config_store import ConfigStore


@dataclass
class LocalLauncherConf:
    """Each job is a process of its own with a lease on cores and GPUs."""

    _target_: str = "hydra_plugins.headtohead_launchers.local.LocalLauncher"
    cores_per_job: int = 1
    """CPU cores a job may use; its threads are as many, pinned to them where the system can."""
    gpus_per_job: float = 0.0
    """GPUs a job sees: 2 for two of its own, 0.5 for half of one (two jobs on each)."""
    memory_gb: float | None = None
    """Resident memory of a job and its children at which it is killed."""
    timeout_min: float | None = None
    """Minutes after which a job is killed."""
    stagger_seconds: float = 0.5
    """Between the starts of two jobs."""


ConfigStore.instance().store(group="hydra/launcher", name="local", node=LocalLauncherConf, provider="headtohead")
