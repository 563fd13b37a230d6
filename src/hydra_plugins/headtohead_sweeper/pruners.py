"""``hydra/sweeper/pruner``: when a trial that does badly is stopped. Resources are numbers, since every process counts.

A step is an evaluation's optimiser step.
"""

from __future__ import annotations

from typing import Any

from hydra.core.config_store import ConfigStore

PRUNERS: dict[str, dict[str, Any]] = {
    "median": {
        "_target_": "optuna.pruners.MedianPruner",
        "n_startup_trials": 4,
        "n_warmup_steps": 0,
        "interval_steps": 1,
        "n_min_trials": 2,
    },
    "successive_halving": {
        "_target_": "optuna.pruners.SuccessiveHalvingPruner",
        "min_resource": 10,
        "reduction_factor": 3,
        "min_early_stopping_rate": 0,
        "bootstrap_count": 0,
    },
    "rungs": {"_target_": "headtohead.sweeps.study.rungs.RungPruner", "min_resource": 10, "reduction_factor": 3},
    "hyperband": {
        "_target_": "optuna.pruners.HyperbandPruner",
        "min_resource": 10,
        "max_resource": 100,
        "reduction_factor": 3,
    },
    "wilcoxon": {"_target_": "optuna.pruners.WilcoxonPruner", "p_threshold": 0.1, "n_startup_steps": 2},
    "patience": {"_target_": "optuna.pruners.PatientPruner", "wrapped_pruner": None, "patience": 2, "min_delta": 0.0},
    "threshold": {"_target_": "optuna.pruners.ThresholdPruner", "lower": None, "upper": None, "n_warmup_steps": 0},
}

for name, node in PRUNERS.items():
    ConfigStore.instance().store(group="hydra/sweeper/pruner", name=name, node=node, provider="headtohead")
