"""Error rates of the verdict, measured on simulated predictions with known truth. Nothing is trained.

    python benchmarks/verdict_calibration.py [--replications 4000] [--processes 2] [--output calibration.json]

Each cell (``verdict_cells.py``) is one design of a comparison, each metric of it is judged on its own. Four questions: how
often are two arms of equal worth called different (wrong "better"); how often does the interval hold the true difference
(equal worth, and a true difference); how often is a true difference found that is as large as the comparison says it could
find; how often are arms called equal within a margin that they differ by exactly. Beside them several looks at one
comparison, one seed more, and seeds added as advised. ``LIMITS`` are what every cell is held to, ``POOLED`` the mean.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from scipy import stats

from headtohead.statistics.comparison import FEW_TOLD_APART
from headtohead.statistics.multiplicity import Rate
from headtohead.statistics.power import detectable_difference, more_runs
from headtohead.statistics.variance import Layout, Stratum, degrees_of_freedom, half_width, lay_out
from headtohead.statistics.verdicts.cautions import are_too_few_groups, is_two_beside_another
from simulated_arms import SHIFTS, Cell, simulate, true_values
from verdict_cells import ADVISED, FAMILIES, LOOKS, ONE_MORE, UNHELD

ALPHA = 0.05
DRAWS = 250
"""Behind each stated difference; the package draws more."""
AT_ONCE = 2**20
"""Simulated answers held at a time."""
MOST_ADVISED = 60
"""Seeds that are still added where they are advised."""
ADVISED_TRIES = 400
ANSWERS = ("accuracy", "macro_f1", "cohen_kappa")
NOTHING = 1e-12
"""Error of arms that are alike on every row."""

Rates = Mapping[str, float]

LIMITS: Mapping[str, tuple[float, float]] = {
    "wrong_better": (0.0, 0.065),
    "coverage_null": (0.93, 1.0),
    "coverage_apart": (0.93, 1.0),
    "power": (0.78, 1.0),
    "wrong_equal": (0.0, 0.075),
    "wider_with_one_more": (0.0, 0.3),
    "found_as_advised": (0.78, 1.0),
    "widest": (0.0, 13.0),
}
"""Lowest and highest of each rate in any cell. ``widest`` is the widest half-width before it is cut to the metric."""
POOLED: Mapping[str, tuple[float, float]] = {
    "wrong_better": (0.0, 0.055),
    "coverage": (0.94, 0.97),
    "power": (0.80, 1.0),
    "wrong_equal": (0.0, 0.055),
}
"""The same of means over cells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Many replications of one comparison on one metric."""

    difference: np.ndarray
    error: np.ndarray
    df: np.ndarray
    detectable: np.ndarray
    """What the comparison says it could find."""
    told_apart: np.ndarray
    """Units that tell the arms apart, where the metric counts answers; else as many as are enough."""
    directed: bool = True
    """Whether the package gives a direction, and calls arms equal, with so many seeds in each arm."""

    @property
    def better(self) -> np.ndarray:
        """Whether the first arm is called better (1), worse (-1) or neither (0)."""
        found = 2 * stats.t.sf(np.abs(self.difference) / self.error, self.df) <= ALPHA
        return np.sign(self.difference) * found * self.directed

    @property
    def reach(self) -> np.ndarray:
        """Half-width of the interval."""
        return stats.t.isf(ALPHA / 2, self.df) * self.error

    def holds(self, truth: float) -> np.ndarray:
        """Say whether the interval holds a true difference, where there is one: not of arms alike on every row."""
        return (np.abs(self.difference - truth) <= self.reach)[self.error > NOTHING]

    def within(self, margin: float) -> np.ndarray:
        """Say whether the arms are called equal within a margin."""
        shown = self.directed & (self.told_apart >= FEW_TOLD_APART)
        return (stats.t.sf((margin - np.abs(self.difference)) / self.error, self.df) <= ALPHA) & shown

    def power_at_stated(self) -> float:
        """Return how often a fresh comparison finds what another one said could be found.

        Each comparison's stated difference is added to its neighbour's, a fresh one of the same design: on the scale of
        the metric, where a stated difference may be more than any two arms can lie apart.
        """
        fresh = np.roll(self.difference, 1) + self.detectable
        return float(
            np.mean((fresh > np.roll(self.reach, 1))[self.error > NOTHING])
        )  # arms alike on every row state none


def judge_many(
    cell: Cell, generator: np.random.Generator, shift: np.ndarray, metrics: Sequence[str], *, states: bool = True
) -> dict[str, Judged]:
    """Simulate one comparison per entry of ``shift`` and judge it as the package does; ``states``: what it could find."""
    runs = max(cell.seeds, cell.other_seeds or 0) * max(1, cell.tunings)
    block = max(1, AT_ONCE // (runs * cell.rows))
    parts: dict[str, list[np.ndarray]] = {metric: [] for metric in metrics}
    for start in range(0, len(shift), block):
        here = shift[start : start + block]
        first, second = simulate(cell, generator, len(here), here)
        for metric in metrics:
            layout = _layout(_exchangeable(cell, first[metric]), _exchangeable(cell, second[metric]))
            parts[metric].append(
                np.stack(
                    [
                        layout.difference,
                        np.sqrt(layout.variance),
                        degrees_of_freedom(layout),
                        detectable_difference(layout, ALPHA, DRAWS) if states else np.full(len(here), np.nan),
                        _told_apart(first, second, metric),
                    ]
                )
            )
    whole = {metric: np.concatenate(part, axis=1) for metric, part in parts.items()}
    directed = is_directed(cell)
    return {
        metric: Judged(
            difference=d, error=np.maximum(e, NOTHING), df=df, detectable=m, told_apart=apart, directed=directed
        )
        for metric, (d, e, df, m, apart) in whole.items()
    }


def _told_apart(first: dict[str, np.ndarray], second: dict[str, np.ndarray], metric: str) -> np.ndarray:
    some = first[metric]
    if metric not in ANSWERS or "accuracy" not in first:
        return np.full(len(some), FEW_TOLD_APART)
    return (np.abs(first["accuracy"].mean(axis=1) - second["accuracy"].mean(axis=1)) > NOTHING).sum(axis=-1)


def is_directed(cell: Cell) -> bool:
    """Say whether the package decides anything with so many seeds in each arm, and so many groups of rows."""
    spare = cell.seeds - 1, (cell.other_seeds or cell.seeds) - 1
    two_beside = is_two_beside_another(*spare) or is_two_beside_another(*spare[::-1])
    return not (are_too_few_groups(int(cell.groups[-1]) + 1, cell.rows) or (two_beside and not cell.tunings))


def _exchangeable(cell: Cell, shares: np.ndarray) -> np.ndarray:
    """Average a method's seeds within each tuning, as ``strata_of`` does."""
    if not cell.tunings:
        return shares
    return shares.reshape(len(shares), cell.tunings, -1, shares.shape[-1]).mean(axis=2)


def measure(cell: Cell, replications: int, seed: int) -> dict[str, Rates]:
    """Return the rates of one cell by metric."""
    generator = np.random.default_rng([seed, *cell.name.encode()])
    null = judge_many(cell, generator, np.zeros(replications), cell.metrics)
    return {metric: _rates(cell, generator, null[metric], replications // 2, metric) for metric in cell.metrics}


def _rates(cell: Cell, generator: np.random.Generator, null: Judged, tries: int, metric: str) -> Rates:
    value = true_values(cell, metric)
    differences = value - value[::-1]  # arms at +shift/2 and -shift/2; SHIFTS are symmetrical
    order = np.argsort(differences)
    margin = min(float(np.median(null.detectable)), float(differences.max()))
    at_margin = np.interp(margin, differences[order], 2 * SHIFTS[order])
    apart = judge_many(cell, generator, np.full(tries, at_margin), [metric], states=False)[metric]
    rates = {
        "wrong_better": float(np.mean(null.better != 0)),
        "coverage_null": float(null.holds(0.0).mean()),
        "coverage_apart": float(apart.holds(margin).mean()),
        "wrong_equal": float(apart.within(margin).mean()),
        "widest": float(null.reach.max()),
        "half_width": float(np.median(null.reach)),
        "margin": margin,
        "bias": float(apart.difference.mean() - margin),
    }
    power = {
        "power": null.power_at_stated(),
        "power_at_median": float(np.mean(apart.better > 0)),
    }
    return rates | (power if null.directed else {})


def measure_looks(cell: Cell, replications: int, seed: int) -> dict[str, Rates]:
    """Return how often equal arms are called different at any of three planned looks, after 3, 5 and all of their seeds."""
    generator = np.random.default_rng([seed, *cell.name.encode()])
    rate, found = Rate(alpha=ALPHA, looks=3), np.zeros(replications, dtype=bool)
    for here, (first, second) in _blocks(cell, generator, replications):
        for seeds in (3, 5, cell.seeds):
            layout = _layout(first["accuracy"][:, :seeds], second["accuracy"][:, :seeds])
            found[here] |= np.abs(layout.difference) > half_width(layout, rate.of_pair)
    return {"accuracy": {"wrong_better": float(found.mean())}}


def measure_one_more(cell: Cell, replications: int, seed: int) -> dict[str, Rates]:
    """Return in how many data sets one seed more in the first arm widens the interval."""
    generator, wider = np.random.default_rng([seed, *cell.name.encode()]), []
    more = replace(cell, seeds=cell.seeds + 1, other_seeds=cell.seeds)
    for _, (first, second) in _blocks(more, generator, replications):
        before, after = (
            half_width(_layout(first["accuracy"][:, :seeds], second["accuracy"]), ALPHA)
            for seeds in (cell.seeds, cell.seeds + 1)
        )
        wider.append(after > before)
    return {"accuracy": {"wider_with_one_more": float(np.concatenate(wider).mean())}}


def measure_advised(cell: Cell, replications: int, seed: int) -> dict[str, Rates]:
    """Return how often arms that a margin lies between are told apart at the second look, with as many seeds as advised."""
    generator = np.random.default_rng([seed, *cell.name.encode()])
    rate, found, value = Rate(alpha=ALPHA), [], true_values(cell, "accuracy")
    differences = value - value[::-1]
    margin = 1.5 * cell.seed_spread * float(np.gradient(value, SHIFTS).max())
    shift = np.interp(margin, differences, 2 * SHIFTS) * np.ones(1)
    for _ in range(min(replications, ADVISED_TRIES)):
        first, second = simulate(cell, generator, 1, shift)
        layout = _layout(first["accuracy"][0], second["accuracy"][0])
        more = more_runs(layout, margin, rate.of_next)
        if more is None or more > MOST_ADVISED:
            continue
        # the seeds there are count among those judged: here all are drawn anew, which is the harder case
        later = simulate(replace(cell, seeds=cell.seeds + more), generator, 1, shift)
        found.append(_decided(later, Rate(alpha=ALPHA, looks=2)))
    return {"accuracy": {"found_as_advised": float(np.mean(found)), "followed": float(len(found)), "margin": margin}}


def _blocks(
    cell: Cell, generator: np.random.Generator, replications: int
) -> Iterator[tuple[slice, tuple[dict[str, np.ndarray], dict[str, np.ndarray]]]]:
    """Yield simulated comparisons of equal arms, as many at a time as memory allows."""
    block = max(1, AT_ONCE // (cell.seeds * cell.rows))
    for start in range(0, replications, block):
        here = slice(start, min(start + block, replications))
        count = here.stop - here.start
        yield here, simulate(cell, generator, count, np.zeros(count))


def _layout(first: np.ndarray, second: np.ndarray) -> Layout:
    return lay_out([Stratum(first, 1.0), Stratum(second, -1.0)])


def _decided(arms: tuple[dict[str, np.ndarray], dict[str, np.ndarray]], rate: Rate) -> bool:
    layout = _layout(arms[0]["accuracy"][0], arms[1]["accuracy"][0])
    return bool(layout.difference > half_width(layout, rate.of_pair))


Measure = Callable[[Cell, int, int], dict[str, Rates]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A cell, and what is measured on it."""

    family: str
    cell: Cell
    measure: Measure = measure

    @property
    def directed(self) -> bool:
        """Whether directions are given at all."""
        return is_directed(self.cell)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What was measured of one metric of a cell; any benchmark that makes such rows may have them checked."""

    family: str
    name: str
    metric: str
    rates: Rates
    tries: int
    directed: bool = True
    beyond: bool = False
    """Shown, and not held to the limits."""


def tasks(families: Mapping[str, Sequence[Cell]] = FAMILIES) -> list[Task]:
    """Return everything that is measured."""
    found = [Task(family=family, cell=cell) for family, cells in families.items() for cell in cells]
    found += [Task(family="three looks, planned", cell=cell, measure=measure_looks) for cell in LOOKS]
    found += [Task(family="one seed more", cell=cell, measure=measure_one_more) for cell in ONE_MORE]
    return found + [Task(family="seeds added as advised", cell=cell, measure=measure_advised) for cell in ADVISED]


def measured(task: Task, replications: int, seed: int) -> list[Row]:
    """Return the rows of one task."""
    about = {"family": task.family, "name": task.cell.name, "tries": replications}
    found = task.measure(task.cell, replications, seed)
    return [Row(metric=metric, rates=rates, directed=task.directed, **about) for metric, rates in found.items()]


def measure_all(given: Sequence[Task], replications: int, seed: int, processes: int = 1) -> Iterator[list[Row]]:
    """Yield the rows of every task."""
    work = partial(measured, replications=replications, seed=seed)
    if processes == 1:
        yield from map(work, given)
        return
    with ProcessPoolExecutor(processes) as pool:
        yield from pool.map(work, given)


def pooled(rows: Sequence[Row]) -> dict[str, float]:
    """Return means over designs of the rates that are held to a limit; metrics of one design are one of them.

    Designs without directions count for coverage alone.
    """

    def mean(*names: str, directed: bool = True) -> float:
        by_design: dict[tuple[str, str], list[float]] = {}
        for row in rows:
            held = not row.beyond and (row.directed or not directed)
            given = [row.rates[name] for name in names if held and name in row.rates and name in _limits(row)]
            by_design.setdefault((row.family, row.name), []).extend(given)
        return float(np.mean([np.mean(given) for given in by_design.values() if given] or [np.nan]))

    found = {
        "wrong_better": mean("wrong_better"),
        "coverage": mean("coverage_null", "coverage_apart", directed=False),
        "power": mean("power"),
        "wrong_equal": mean("wrong_equal"),
    }
    return {name: value for name, value in found.items() if np.isfinite(value)}


def violations(rows: Sequence[Row], allowance: float = 0.0) -> list[str]:
    """Return every limit that is not kept, of any cell and of the means over all, in words; empty: all is well.

    Args:
        rows: Measured.
        allowance: Standard errors of the simulation that a rate of a cell may lie beyond its limit, where few are run.
    """
    found = []
    for row in rows:
        for name, (low, high) in _limits(row).items():
            if name in row.rates:
                least, most = (_widened(end, side * allowance, row.tries) for end, side in ((low, -1), (high, 1)))
                if not least <= row.rates[name] <= most:
                    found.append(
                        f"{row.family}: {row.metric}, {row.name}: {name} {row.rates[name]:.4g}, not {low} to {high}"
                    )
    for name, value in pooled(rows).items():
        low, high = POOLED[name]
        if not low <= value <= high:
            found.append(f"pooled: {name} {value:.4g}, not {low} to {high}")
    return found


def _limits(row: Row) -> Mapping[str, tuple[float, float]]:
    if row.beyond:
        return {"widest": LIMITS["widest"]}
    none = {} if row.directed else {"wrong_better": (0.0, 0.0), "wrong_equal": (0.0, 0.0)}
    return {name: limit for name, limit in (LIMITS | none).items() if name not in UNHELD.get(row.family, ())}


def _widened(limit: float, errors: float, tries: int) -> float:
    spread = max(limit * (1 - limit), 0.0)
    return limit + errors * float(np.sqrt(2 * spread / tries))  # half of the tries are of arms apart


SHOWN = ("wrong_better", "coverage_null", "coverage_apart", "power", "wrong_equal")


def by_family(rows: Sequence[Row]) -> str:
    """Return a table for RESULTS.md: per family the mean and the worst cell of each rate."""
    lines = [
        "| cells | wrong better | coverage, equal | coverage, apart | power at the stated | wrong equal |",
        "|---" * 6 + "|",
    ]
    for family in dict.fromkeys(row.family for row in rows):
        own = [row.rates for row in rows if row.family == family]
        if any("wrong_better" in rates for rates in own):
            lines.append("| " + " | ".join([family, *(_summed(own, name) for name in SHOWN)]) + " |")
    return "\n".join(lines)


def _summed(rates: Sequence[Rates], name: str) -> str:
    given = [each[name] for each in rates if name in each]
    if not given:
        return "-"
    worst = min(given) if name.startswith(("coverage", "power")) else max(given)
    return f"{100 * float(np.mean(given)):.1f} ({100 * worst:.1f})"


def main() -> None:
    """Measure every cell, print a table, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replications", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    started, rows = time.perf_counter(), list[Row]()
    print("  ".join(SHOWN), " (%)")
    for found in measure_all(tasks(), given.replications, given.seed, given.processes):
        rows += found
        for row in found:
            shown = " ".join(f"{100 * row.rates[key]:6.2f}" if key in row.rates else "     -" for key in SHOWN)
            others = {key: f"{value:.4g}" for key, value in row.rates.items() if key not in SHOWN}
            print(shown, f" {row.metric}: {row.name} [{row.family}]", others, flush=True)
    means, broken = pooled(rows), violations(rows)
    print(by_family(rows))
    print(json.dumps({"pooled": means, "violations": broken}, indent=2))
    if given.output:
        about = {
            "replications": given.replications,
            "seed": given.seed,
            "seconds": round(time.perf_counter() - started),
        }
        cells = [{"family": row.family, "name": row.name, "metric": row.metric, **row.rates} for row in rows]
        given.output.write_text(
            json.dumps({**about, "pooled": means, "violations": broken, "cells": cells}, indent=2) + "\n"
        )


if __name__ == "__main__":
    main()
