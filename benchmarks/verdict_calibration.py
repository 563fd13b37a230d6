"""Error rates of the verdict, measured on simulated predictions with known truth. Nothing is trained.

    python benchmarks/verdict_calibration.py [--replications 4000] [--processes 2] [--output calibration.json]

Each cell is one design of a comparison, each metric of it is judged on its own. Four questions: how often are two arms
of equal worth called different (wrong "better"); how often does the interval hold the true difference (equal worth, and a
true difference); how often is a true difference found that is as large as the comparison says it could find; how often
are arms called equal within a margin that they differ by exactly.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from scipy import stats

from headtohead.statistics.equivalence import equivalence_p
from headtohead.statistics.power import detectable_difference
from headtohead.statistics.variance import Stratum, degrees_of_freedom, lay_out
from simulated_arms import SHIFTS, Cell, simulate, true_values

ALPHA = 0.05
DRAWS = 200
"""Behind each stated difference; the package draws more."""
AT_ONCE = 2**20
"""Simulated answers held at a time."""
SHOWN = ("wrong_better", "coverage_null", "coverage_apart", "power", "power_at_median", "wrong_equal")
SCORES = ("mae", "quadratic_kappa")
ADDITIVE = ("accuracy",)

CELLS = (
    Cell(seeds=2, rows=200, classes=2),
    Cell(seeds=2, rows=200, classes=5, seed_spread=0.3),
    Cell(seeds=2, rows=1000, classes=5),
    Cell(seeds=2, rows=5000, classes=2, metrics=ADDITIVE),
    Cell(seeds=3, rows=200, classes=20),
    Cell(seeds=3, rows=1000, classes=5, seed_spread=0.3),
    Cell(seeds=3, rows=5000, classes=20, metrics=("accuracy", "macro_f1")),
    Cell(seeds=5, rows=200, classes=5),
    Cell(seeds=5, rows=1000, classes=20),
    Cell(seeds=5, rows=5000, classes=2, metrics=ADDITIVE),
    Cell(seeds=10, rows=200, classes=20),
    Cell(seeds=10, rows=1000, classes=2),
    Cell(seeds=10, rows=5000, classes=5, metrics=ADDITIVE),
    # seeds that hardly matter; arms that are nearly one, or quite unlike; few errors
    Cell(seeds=5, rows=1000, classes=5, seed_spread=0.0),
    Cell(seeds=5, rows=1000, classes=5, own_spread=0.1),
    Cell(seeds=3, rows=1000, classes=5, own_spread=1.5),
    Cell(seeds=5, rows=200, classes=5, level=4.0),
    Cell(seeds=3, rows=1000, classes=5, level=4.0),
    # scores and probabilities
    Cell(seeds=3, rows=200, classes=5, metrics=SCORES),
    Cell(seeds=5, rows=1000, classes=10, metrics=SCORES),
    Cell(seeds=3, rows=1000, classes=5, metrics=("log_loss",)),
    Cell(seeds=5, rows=200, classes=5, metrics=("log_loss",)),
    # rows in groups
    Cell(seeds=2, rows=1000, classes=5, group_size=10),
    Cell(seeds=3, rows=200, classes=2, group_size=5),
    Cell(seeds=5, rows=1000, classes=5, group_size=5),
    # arms that differ in how much their seeds matter, and in how many there are
    Cell(seeds=5, rows=1000, classes=5, seed_spread=0.3, other_spread=0.05, metrics=ADDITIVE),
    Cell(seeds=2, other_seeds=5, rows=1000, classes=5, seed_spread=0.3, other_spread=0.1, metrics=ADDITIVE),
    Cell(seeds=3, other_seeds=10, rows=200, classes=5, seed_spread=0.1, metrics=ADDITIVE),
    Cell(seeds=2, rows=1000, classes=5, seed_spread=0.3, other_spread=0.05, metrics=ADDITIVE),
    # single runs: about these two models
    Cell(seeds=1, rows=200, classes=5, seed_spread=0.0),
    Cell(seeds=1, rows=1000, classes=20, seed_spread=0.0),
    # methods: identical arms, each tuned several times with 16 trials
    Cell(seeds=2, rows=1000, classes=5, tunings=3, configuration_spread=0.1),
    Cell(seeds=3, rows=1000, classes=5, tunings=3, configuration_spread=0.3, metrics=ADDITIVE),
    Cell(seeds=2, rows=200, classes=5, tunings=5, configuration_spread=0.3),
    Cell(seeds=1, rows=1000, classes=5, tunings=4, configuration_spread=0.2),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Many replications of one comparison on one metric."""

    difference: np.ndarray
    error: np.ndarray
    df: np.ndarray
    detectable: np.ndarray
    """What the comparison says it could find."""

    @property
    def better(self) -> np.ndarray:
        """Whether the first arm is called better (1), worse (-1) or neither (0)."""
        return np.sign(self.difference) * (2 * stats.t.sf(np.abs(self.difference) / self.error, self.df) <= ALPHA)

    def holds(self, truth: float) -> np.ndarray:
        """Say whether the interval holds a true difference."""
        return np.abs(self.difference - truth) <= stats.t.isf(ALPHA / 2, self.df) * self.error

    def power_at_stated(self, stated: np.ndarray) -> float:
        """Return how often a fresh comparison finds what another one said could be found.

        Each comparison's stated difference is added to its neighbour's, a fresh one of the same design: on the scale of
        the metric, where a stated difference may be more than any two arms can lie apart.
        """
        fresh = np.roll(self.difference, 1) + stated
        return float(np.mean(fresh > stats.t.isf(ALPHA / 2, np.roll(self.df, 1)) * np.roll(self.error, 1)))


def judge_many(
    cell: Cell, generator: np.random.Generator, shift: np.ndarray, metrics: Sequence[str]
) -> dict[str, Judged]:
    """Simulate one comparison per entry of ``shift`` and judge it as the package does."""
    runs = max(cell.seeds, cell.other_seeds or 0) * max(1, cell.tunings)
    block = max(1, AT_ONCE // (runs * cell.rows))
    parts: dict[str, list[np.ndarray]] = {metric: [] for metric in metrics}
    for start in range(0, len(shift), block):
        here = shift[start : start + block]
        first, second = simulate(cell, generator, len(here), here)
        for metric in metrics:
            strata = [
                Stratum(_exchangeable(cell, first[metric]), 1.0),
                Stratum(_exchangeable(cell, second[metric]), -1.0),
            ]
            layout = lay_out(strata)
            parts[metric].append(
                np.stack(
                    [
                        layout.difference,
                        np.sqrt(layout.variance),
                        degrees_of_freedom(layout),
                        detectable_difference(layout, ALPHA, DRAWS),
                    ]
                )
            )
    whole = {metric: np.concatenate(part, axis=1) for metric, part in parts.items()}
    return {
        metric: Judged(difference=d, error=np.maximum(e, 1e-12), df=df, detectable=m)
        for metric, (d, e, df, m) in whole.items()
    }


def _exchangeable(cell: Cell, shares: np.ndarray) -> np.ndarray:
    """Average a method's seeds within each tuning, as ``strata_of`` does."""
    if not cell.tunings:
        return shares
    return shares.reshape(len(shares), cell.tunings, -1, shares.shape[-1]).mean(axis=2)


def measure(cell: Cell, replications: int, seed: int) -> dict[str, dict[str, float]]:
    """Return the rates of one cell by metric."""
    generator = np.random.default_rng([seed, *cell.name.encode()])
    null = judge_many(cell, generator, np.zeros(replications), cell.metrics)
    half = replications // 2
    rates = {}
    for metric in cell.metrics:
        value = true_values(cell, metric)
        differences = value - value[::-1]  # arms at +shift/2 and -shift/2; SHIFTS are symmetrical
        order = np.argsort(differences)
        stated = null[metric].detectable
        margin = min(float(np.median(stated)), float(differences.max()))
        at_margin = np.interp(margin, differences[order], 2 * SHIFTS[order])
        apart = judge_many(cell, generator, np.full(half, at_margin), [metric])[metric]
        near = equivalence_p(apart.difference, apart.error, apart.df, margin) <= ALPHA
        rates[metric] = {
            "wrong_better": float(np.mean(null[metric].better != 0)),
            "coverage_null": float(null[metric].holds(0.0).mean()),
            "coverage_apart": float(apart.holds(margin).mean()),
            "power": null[metric].power_at_stated(stated),
            "power_at_median": float(np.mean(apart.better > 0)),
            "wrong_equal": float(near.mean()),
            "margin": margin,
            "bias": float(apart.difference.mean() - margin),
        }
    return rates


def _measure(arguments: tuple[Cell, int, int]) -> tuple[dict[str, dict[str, float]], float]:
    started = time.perf_counter()
    return measure(*arguments), time.perf_counter() - started


def measure_all(
    cells: Sequence[Cell], replications: int, seed: int, processes: int = 1
) -> Iterator[tuple[Cell, dict, float]]:
    """Yield the rates of every cell and the seconds they took."""
    work = [(cell, replications, seed) for cell in cells]
    if processes == 1:
        yield from ((cell, *_measure(part)) for cell, part in zip(cells, work, strict=True))
        return
    with ProcessPoolExecutor(processes) as pool:
        yield from ((cell, *found) for cell, found in zip(cells, pool.map(_measure, work), strict=True))


def pooled(rates: Sequence[dict[str, dict[str, float]]]) -> dict[str, float]:
    """Return means over cells and metrics, and the worst of them."""
    table = [metric for cell in rates for metric in cell.values()]
    column = {name: np.array([row[name] for row in table]) for name in table[0]}
    coverage = np.concatenate([column["coverage_null"], column["coverage_apart"]])
    return {
        "wrong_better": float(column["wrong_better"].mean()),
        "wrong_better_worst": float(column["wrong_better"].max()),
        "coverage": float(coverage.mean()),
        "coverage_worst": float(coverage.min()),
        "power": float(column["power"].mean()),
        "power_worst": float(column["power"].min()),
        "wrong_equal": float(column["wrong_equal"].mean()),
        "wrong_equal_worst": float(column["wrong_equal"].max()),
    }


def goals(summary: dict[str, float]) -> dict[str, bool]:
    """Say which goals are met."""
    return {
        "wrong better at most 5.5 %": summary["wrong_better"] <= 0.055,
        "wrong better in no cell above 6.5 %": summary["wrong_better_worst"] <= 0.065,
        "coverage 94-97 %": 0.94 <= summary["coverage"] <= 0.97,
        "coverage in no cell below 93 %": summary["coverage_worst"] >= 0.93,
        "power at the stated difference at least 80 %": summary["power"] >= 0.80,
        "wrongly called equal at most 5.5 %": summary["wrong_equal"] <= 0.055,
    }


def main() -> None:
    """Measure every cell, print a table, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replications", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    print(
        f"{'wrong':>6} {'covers':>13} {'power':>13} {'equal':>6} {'margin':>7} {'bias':>8}  (%, margin and bias in points)"
    )
    rows = []
    for cell, rates, seconds in measure_all(CELLS, given.replications, given.seed, given.processes):
        for metric, rate in rates.items():
            shown = [
                rate[key]
                for key in (
                    "wrong_better",
                    "coverage_null",
                    "coverage_apart",
                    "power",
                    "power_at_median",
                    "wrong_equal",
                )
            ]
            points = f"{100 * rate['margin']:7.2f} {100 * rate['bias']:8.3f}"
            print(" ".join(f"{100 * value:6.2f}" for value in shown), points, f" {metric}: {cell.name}", flush=True)
        rows.append({"cell": asdict(cell), "name": cell.name, "seconds": round(seconds, 1), "rates": rates})
    summary = pooled([row["rates"] for row in rows])
    met = goals(summary)
    print(json.dumps({"pooled": summary, "goals": met}, indent=2))
    if given.output:
        written = {
            "replications": given.replications,
            "seed": given.seed,
            "pooled": summary,
            "goals": met,
            "cells": rows,
        }
        given.output.write_text(json.dumps(written, indent=2) + "\n")


if __name__ == "__main__":
    main()
