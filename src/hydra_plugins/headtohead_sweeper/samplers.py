"""``hydra/sweeper/sampler``: how the next trial's values are chosen. A key left at null keeps Optuna's own default."""

from __future__ import annotations

from typing import Any

from hydra.core.config_store import ConfigStore

SAMPLERS: dict[str, dict[str, Any]] = {
    "tpe": {
        "_target_": "optuna.samplers.TPESampler",
        "seed": None,
        "n_startup_trials": None,
        "n_ei_candidates": None,
        "multivariate": None,
        "group": None,
        "constant_liar": None,
    },
    "random": {"_target_": "optuna.samplers.RandomSampler", "seed": None},
    "grid": {"_target_": "optuna.samplers.GridSampler", "seed": None},
    "brute_force": {"_target_": "optuna.samplers.BruteForceSampler", "seed": None},
    "cmaes": {
        "_target_": "optuna.samplers.CmaEsSampler",
        "seed": None,
        "x0": None,
        "sigma0": None,
        "n_startup_trials": None,
        "consider_pruned_trials": None,
        "popsize": None,
        "with_margin": None,
        "lr_adapt": None,
    },
    "gp": {
        "_target_": "optuna.samplers.GPSampler",
        "seed": None,
        "n_startup_trials": None,
        "deterministic_objective": None,
    },
    "qmc": {"_target_": "optuna.samplers.QMCSampler", "seed": None, "qmc_type": None, "scramble": None},
    "nsgaii": {
        "_target_": "optuna.samplers.NSGAIISampler",
        "seed": None,
        "population_size": None,
        "mutation_prob": None,
        "crossover_prob": None,
        "swapping_prob": None,
    },
}

for name, node in SAMPLERS.items():
    ConfigStore.instance().store(group="hydra/sweeper/sampler", name=name, node=node, provider="headtohead")
