"""``hydra/launcher: local``, ``fused`` and ``slurm``: the keys of the launchers of other processes."""

from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore


@dataclass
class LocalLauncherConf:
    """Each job is a process of its own with a lease on cores and GPUs."""

    _target_: str = "hydra_plugins.headtohead_launchers.local.LocalLauncher"
    cores_per_job: int = 1
    """CPU cores a job may use; its threads are as many, pinned to them where the system can."""
    gpus_per_job: float | None = None
    """GPUs a job sees: 2 for two of its own, 0.5 for half of one (two jobs on each), 0 for none; null: all there are."""
    memory_gb: float | None = None
    """Resident memory of a job and its children at which it is killed."""
    timeout_min: float | None = None
    """Minutes after which a job is killed."""
    stagger_seconds: float = 0.5
    """Between the starts of two jobs."""


@dataclass
class FusedLauncherConf:
    """Jobs are trained together in one process; those that can share a trunk, over one."""

    _target_: str = "hydra_plugins.headtohead_launchers.fused.FusedLauncher"
    trials_at_once: int = 8
    """In a pack, at most; where memory runs out, each takes smaller micro-batches."""


@dataclass
class SlurmLauncherConf:
    """Each job is a SLURM job. The keys of ``submitit_slurm`` keep their names and meaning; null leaves it to SLURM."""

    _target_: str = "hydra_plugins.headtohead_launchers.slurm.SlurmLauncher"
    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    timeout_min: int = 60
    """Minutes after which SLURM ends a job; it saves before, is requeued and goes on."""
    cpus_per_task: int | None = None
    """Cores of a job; its threads are as many."""
    gpus_per_node: int | None = None
    gpus_per_task: int | None = None
    cpus_per_gpu: int | None = None
    gres: str | None = None
    mem_gb: float | None = None
    """Memory of a job on each node."""
    mem_per_gpu: str | None = None
    mem_per_cpu: str | None = None
    nodes: int = 1
    tasks_per_node: int = 1
    """With ``nodes``: the processes of a job, which train together."""
    trials_at_once: int = 1
    """Trials that one job trains together, over one trunk where they can share it."""
    array_parallelism: int = 256
    """Jobs of one array that run at the same time."""
    max_num_timeout: int = 1000
    """How often a job may reach ``timeout_min`` and be requeued; being preempted is not counted."""
    requeue: bool = True
    """Whether SLURM may requeue a job: after preemption and the loss of a node, too."""
    signal_delay_s: int = 120
    """Seconds before the end at which a job is told: more than a step, an evaluation and a checkpoint take."""
    setup: list[str] = field(default_factory=list)
    """Lines of shell before the job, such as ``module load cuda``."""
    constraint: str | None = None
    exclude: str | None = None
    nodelist: str | None = None
    exclusive: Any = None
    dependency: str | None = None
    comment: str | None = None
    mail_type: str | None = None
    mail_user: str | None = None
    wckey: str = "submitit"
    name: str = "${hydra.job.name}"
    """Of the jobs in the queue; a sign of the submission is added to it."""
    srun_args: list[str] = field(default_factory=list)
    use_srun: bool = True
    """false runs the job in the batch script, which SLURM does not tell of its end: it cannot save in time."""
    stderr_to_stdout: bool = False
    additional_parameters: Any = None
    """Any other option of sbatch: {nice: 10}."""
    submitit_folder: str = ".submitit/%j"
    """Of scripts and their logs, in the sweep's folder; ``%j`` is the job's number."""
    poll_seconds: float = 5.0
    """Between two looks at the queue."""


ConfigStore.instance().store(group="hydra/launcher", name="local", node=LocalLauncherConf, provider="headtohead")
ConfigStore.instance().store(group="hydra/launcher", name="fused", node=FusedLauncherConf, provider="headtohead")
ConfigStore.instance().store(group="hydra/launcher", name="slurm", node=SlurmLauncherConf, provider="headtohead")
