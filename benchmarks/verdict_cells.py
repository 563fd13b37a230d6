"""The designs on which the verdict's error rates are measured, as data, by what is special about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from simulated_arms import Cell

SCORES = ("mae", "quadratic_kappa")
ADDITIVE = ("accuracy",)
CLASSES = ("accuracy", "macro_f1")

FAMILIES: Mapping[str, Sequence[Cell]] = {
    "ordinary": (
        Cell(seeds=2, rows=200, classes=2),
        Cell(seeds=2, rows=200, classes=5, seed_spread=0.3),
        Cell(seeds=2, rows=1000, classes=5),
        Cell(seeds=2, rows=5000, classes=2, metrics=ADDITIVE),
        Cell(seeds=3, rows=200, classes=20),
        Cell(seeds=3, rows=1000, classes=5, seed_spread=0.3),
        Cell(seeds=3, rows=5000, classes=20, metrics=CLASSES),
        Cell(seeds=4, rows=300, classes=5),
        Cell(seeds=5, rows=200, classes=5),
        Cell(seeds=5, rows=1000, classes=20),
        Cell(seeds=5, rows=5000, classes=2, metrics=ADDITIVE),
        Cell(seeds=8, rows=300, classes=5),
        Cell(seeds=10, rows=200, classes=20),
        Cell(seeds=10, rows=1000, classes=2),
        Cell(seeds=10, rows=5000, classes=5, metrics=ADDITIVE),
    ),
    "alike, or unlike": (
        Cell(seeds=5, rows=1000, classes=5, seed_spread=0.0),
        Cell(seeds=5, rows=1000, classes=5, own_spread=0.1),
        Cell(seeds=3, rows=1000, classes=5, own_spread=1.5),
    ),
    "few errors": (
        Cell(seeds=5, rows=200, classes=5, level=4.0),
        Cell(seeds=3, rows=1000, classes=5, level=4.0),
        Cell(seeds=2, rows=300, classes=5, level=4.8, metrics=CLASSES),
        Cell(seeds=5, rows=300, classes=5, level=4.8, metrics=CLASSES),
        Cell(seeds=3, rows=100, classes=5, level=5.5, metrics=CLASSES),
        Cell(seeds=5, rows=1000, classes=5, level=5.5, metrics=CLASSES),
        Cell(seeds=3, rows=300, classes=5, level=7.5, metrics=ADDITIVE),
        Cell(seeds=5, rows=2000, classes=5, level=7.5, metrics=ADDITIVE),
    ),
    "scores and probabilities": (
        Cell(seeds=3, rows=200, classes=5, metrics=SCORES),
        Cell(seeds=5, rows=1000, classes=10, metrics=SCORES),
        Cell(seeds=3, rows=1000, classes=5, metrics=("log_loss",)),
        Cell(seeds=5, rows=200, classes=5, metrics=("log_loss",)),
    ),
    "groups": (
        Cell(seeds=2, rows=1000, classes=5, group_size=10),
        Cell(seeds=3, rows=200, classes=2, group_size=5),
        Cell(seeds=5, rows=1000, classes=5, group_size=5),
    ),
    "few groups": (
        Cell(seeds=5, rows=300, classes=5, group_size=15, metrics=CLASSES),
        Cell(seeds=5, rows=300, classes=5, group_size=30, metrics=CLASSES),
    ),
    "fewer groups: no direction": (
        Cell(seeds=5, rows=300, classes=5, group_size=50, metrics=CLASSES),
        Cell(seeds=3, rows=300, classes=5, group_size=75, metrics=CLASSES),
    ),
    "labels no row has, answered now and then": (
        Cell(seeds=1, rows=300, classes=5, seed_spread=0.0, stray=0.003, metrics=CLASSES),
        *(Cell(seeds=seeds, rows=300, classes=5, stray=0.003, metrics=CLASSES) for seeds in (2, 3, 5)),
    ),
    "seeds of one arm wild": (
        Cell(seeds=5, rows=1000, classes=5, seed_spread=0.3, other_spread=0.05, metrics=ADDITIVE),
        Cell(seeds=2, rows=1000, classes=5, seed_spread=0.3, other_spread=0.06, metrics=ADDITIVE),
        *(
            Cell(seeds=seeds, rows=rows, classes=5, seed_spread=wild, other_spread=wild / 5, metrics=ADDITIVE)
            for rows, wild in ((2000, 0.15), (300, 0.5))
            for seeds in (3, 4, 5, 8)
        ),
        *(
            Cell(seeds=seeds, rows=1000, classes=5, seed_spread=0.6, other_spread=0.03, metrics=ADDITIVE)
            for seeds in (2, 3, 4, 5)
        ),
    ),
    "seeds of both arms wild": tuple(
        Cell(seeds=seeds, rows=300, classes=5, seed_spread=0.6, metrics=ADDITIVE) for seeds in (2, 3, 5, 8)
    ),
    "seeds that fail at times, in both arms": tuple(
        Cell(seeds=seeds, rows=300, classes=5, collapse=0.2, metrics=ADDITIVE) for seeds in (3, 5, 8)
    ),
    "unequal numbers of seeds": (
        Cell(seeds=3, other_seeds=4, rows=300, classes=5),
        Cell(seeds=3, other_seeds=10, rows=200, classes=5, metrics=ADDITIVE),
        Cell(seeds=3, other_seeds=8, rows=300, classes=5, seed_spread=0.5, other_spread=0.1, metrics=ADDITIVE),
        Cell(seeds=8, other_seeds=3, rows=300, classes=5, seed_spread=0.5, other_spread=0.1, metrics=ADDITIVE),
        *(
            Cell(seeds=few, other_seeds=many, rows=300, classes=5, seed_spread=0.5, other_spread=0.1, metrics=ADDITIVE)
            for few, many in ((3, 5), (4, 8), (5, 6), (5, 8))
        ),
    ),
    "two seeds beside another number: no direction": (
        Cell(seeds=2, other_seeds=8, rows=300, classes=5, metrics=ADDITIVE),
        Cell(seeds=2, other_seeds=5, rows=1000, classes=5, seed_spread=0.3, other_spread=0.1, metrics=ADDITIVE),
        Cell(seeds=2, other_seeds=8, rows=300, classes=5, seed_spread=0.5, other_spread=0.1, metrics=ADDITIVE),
        Cell(seeds=8, other_seeds=2, rows=300, classes=5, seed_spread=0.5, other_spread=0.1, metrics=ADDITIVE),
    ),
    "champion of three, trained again": (
        Cell(seeds=3, rows=1000, classes=5, seed_spread=0.3, other_spread=0.06, top_k=3, metrics=ADDITIVE),
        Cell(seeds=5, rows=1000, classes=5, seed_spread=0.3, other_spread=0.06, top_k=3, metrics=ADDITIVE),
    ),
    "single runs: these two models": (
        Cell(seeds=1, rows=200, classes=5, seed_spread=0.0),
        Cell(seeds=1, rows=1000, classes=20, seed_spread=0.0),
        Cell(seeds=1, rows=100, classes=5, seed_spread=0.0, level=5.5, metrics=ADDITIVE),
    ),
    "methods: identical arms, each tuned several times with 16 trials": (
        Cell(seeds=2, rows=1000, classes=5, tunings=3, configuration_spread=0.1),
        Cell(seeds=3, rows=1000, classes=5, tunings=3, configuration_spread=0.3, metrics=ADDITIVE),
        Cell(seeds=2, rows=200, classes=5, tunings=5, configuration_spread=0.3),
        Cell(seeds=1, rows=1000, classes=5, tunings=4, configuration_spread=0.2),
    ),
}

UNHELD: Mapping[str, Sequence[str]] = {
    "fewer groups: no direction": ("coverage_null", "coverage_apart"),
    "seeds that fail at times, in both arms": ("coverage_apart",),
}
"""Rates of a family that are shown, and not held to the limits. Where arms differ a failure costs the better one more, and
one that none of few seeds has shown is in no interval: the verdict says how many could have gone unseen. Over six groups the
interval is somewhat too narrow, which the verdict says, and decides nothing."""

LOOKS = (
    Cell(seeds=8, rows=300, classes=5, metrics=ADDITIVE),
    Cell(seeds=8, rows=1000, classes=5, seed_spread=0.3, metrics=ADDITIVE),
)
"""Judged with three, five and eight of their seeds."""

ONE_MORE = tuple(Cell(seeds=seeds, rows=1000, classes=5, seed_spread=0.2, metrics=ADDITIVE) for seeds in (2, 3, 4, 5))
"""Judged with and without one more seed in the first arm."""

ADVISED = tuple(Cell(seeds=seeds, rows=2000, classes=5, seed_spread=0.15, metrics=ADDITIVE) for seeds in (3, 5))
"""Given as many more seeds as the first verdict says, and judged again."""
