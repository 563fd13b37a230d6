"""One Optuna study: trials, their storage, outcome, pruning, and how they are reported."""
