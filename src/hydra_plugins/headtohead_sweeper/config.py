"""``hydra/sweeper: optuna``: the keys of a sweep."""

from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore


@dataclass
class ConfirmConf:
    """How the best of each arm is confirmed."""

    seeds: int = 5
    """Fresh seeds; the test splits are scored on these runs alone."""
    top_k: int = 1
    """Configurations of each tuning from which its champion is chosen, by validation on as many fresh seeds again; those
    that chose are not judged."""
    fresh_samples: bool = False
    """Each confirming run also draws training rows of its own (``data.seed``), so that their luck is in the interval. The
    held-out rows stay. Rows are read and tokenised anew for each, and intervals are wider."""


@dataclass
class SweeperConf:
    """The published plugin's keys keep their names; docs/sweeper.md lists every meaning that changed."""

    defaults: list[Any] = field(default_factory=lambda: ["_self_", {"sampler": None}, {"pruner": None}])
    _target_: str = "hydra_plugins.headtohead_sweeper.sweeper.OptunaSweeper"
    _recursive_: bool = False
    sampler: Any = None
    """null: every combination (a grid) if the space can be listed and ``params`` is empty, else TPE."""
    pruner: Any = None
    objective: Any = None
    """Dotted path into a run's record, or a list of these, such as ``metrics.validation.macro_f1`` and
    ``cost.seconds.train``; null: the validation metric that ``train.metric`` names. Never of a test split."""
    direction: Any = None
    """minimize or maximize, one for each objective; null: the metric's own."""
    storage: str | None = "auto"
    """auto or null: a journal file in the sweep's folder; else a URL (sqlite, postgresql, grpc, journal)."""
    study_name: str | None = None
    n_trials: int = 20
    """In all, earlier commands' included. A grid has as many as it has combinations."""
    n_jobs: int = 1
    """Trials at the same time, where the launcher can."""
    max_failure_rate: float = 0.5
    """The sweep ends once more than this share of ``failure_window`` trials has failed among the latest that ended."""
    failure_window: int = 10
    max_retries: int = 1
    """Further attempts, by one command, of a trial that is killed while it trains alone; one that fails by itself waits for the
    next command."""
    seeds: Any = None
    """Seeds that every trial is run with, one after another; its value is their mean. null: the configuration's own."""
    constraints: Any = None
    """Dotted path into a run's record to {max: ..., min: ...}; a trial outside is never the best."""
    params: dict[str, Any] = field(default_factory=dict)
    custom_search_space: str | None = None
    """Dotted path of ``function(config, trial)`` that suggests further values."""
    enqueue: list[Any] = field(default_factory=list)
    """Values to try first: a list of {key: value}."""
    timeout: float | None = None
    """Seconds of one command after which it starts no further trial, of each arm; what runs, ends."""
    arms: dict[str, Any] = field(default_factory=dict)
    """What is compared: name to a list of overrides, or {overrides: [...], params: {...}} with an arm's own space."""
    confirm: ConfirmConf = field(default_factory=ConfirmConf)
    tunings: int = 1
    """Independent tunings of each arm; with three or more the verdict speaks of methods, not of configurations."""
    margin: dict[str, float] = field(default_factory=dict)
    """Metric to the largest difference that does not matter; without one nothing is called equivalent."""
    pairing: str = "none"
    """seeds: the verdict judges differences of confirming runs of the same seeds. Choose before the first verdict."""
    alpha: float = 0.05
    """Error rate of the verdict over all its pairs. A further look (seeds added later) is judged at a share of it, and the
    verdict says what the looks come to together."""


ConfigStore.instance().store(group="hydra/sweeper", name="optuna", node=SweeperConf, provider="headtohead")
