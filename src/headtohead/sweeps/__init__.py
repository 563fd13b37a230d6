"""Sweeps: trials proposed by Optuna, run by whatever launcher Hydra has, kept whatever dies."""
