"""Trained models in memory that score texts: built from a configuration, or loaded from a finished run."""
