"""Error rates of the verdict over new training samples, with the package's own strata, pairing and variance. Nothing is trained.

    python benchmarks/sample_calibration.py [--replications 4000]

Each cell (``sample_cells.py``) is one design; the rates and their limits are those of ``verdict_calibration.py``. The truth is
that of new samples, new seeds and new rows, by quadrature.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from scipy import special

from headtohead.statistics.draws import strata_of, units_of
from headtohead.statistics.pairing import paired
from headtohead.statistics.variance import Layout, half_width, lay_out
from sample_cells import BEYOND, FAMILIES, SampleCell
from verdict_calibration import ALPHA, AT_ONCE, Row, by_family, pooled, violations

APART = 0.5
"""Logits between arms that differ."""


def measure_all(families: Mapping[str, Sequence[SampleCell]], replications: int, seed: int) -> Iterator[Row]:
    """Yield what is measured of every cell."""
    for family, cells in families.items():
        for cell in cells:
            about = {"family": family, "name": cell.name, "metric": "accuracy", "beyond": family in BEYOND}
            yield Row(rates=measure(cell, replications, seed), tries=replications, **about)


def measure(cell: SampleCell, replications: int, seed: int) -> dict[str, float]:
    """Return the rates of one cell."""
    generator = np.random.default_rng([seed, *cell.name.encode()])
    difference, reach = _judged(cell, generator, replications, 0.0)
    truth = true_accuracy(cell, APART / 2) - true_accuracy(cell, -APART / 2)
    found, reach_apart = _judged(cell, generator, replications // 2, APART)
    return {
        "wrong_better": float(np.mean(np.abs(difference) > reach)),
        "coverage_null": float(np.mean(np.abs(difference) <= reach)),
        "coverage_apart": float(np.mean(np.abs(found - truth) <= reach_apart)),
        "found": float(np.mean(found > reach_apart)),
        "half_width": float(np.median(reach)),
        "widest": float(reach.max()),
    }


def true_accuracy(cell: SampleCell, shift: float) -> float:
    """Return an arm's accuracy over new rows, samples and seeds."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(61)
    return float(special.expit(cell.level + shift + cell.spread * nodes) @ weights / weights.sum())


def _judged(
    cell: SampleCell, generator: np.random.Generator, count: int, apart: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return differences and half-widths of the intervals of many comparisons."""
    block = max(1, AT_ONCE // (sum(cell.runs) * cell.rows))
    layouts = [
        layout_of(cell, simulate(cell, generator, min(block, count - start), apart)) for start in range(0, count, block)
    ]
    reach = [half_width(part, ALPHA) for part in layouts]
    return np.concatenate([part.difference for part in layouts]), np.concatenate(reach)


def layout_of(cell: SampleCell, arms: tuple[np.ndarray, np.ndarray]) -> Layout:
    """Lay out comparisons as ``statistics.comparison`` does."""
    units = units_of([cell.draws], as_method=False)
    first, second = (strata_of(units, [arm], sign) for arm, sign in zip(arms, (1.0, -1.0), strict=True))
    return lay_out(paired((units, first), (units, second)) if cell.pairing == "seeds" else [*first, *second])


def simulate(
    cell: SampleCell, generator: np.random.Generator, count: int, apart: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return for either arm whether its runs answer each row right: count x runs x rows."""

    def normal(*shape: int) -> np.ndarray:
        return generator.standard_normal((count, *shape), dtype=np.float32)

    common = _luck(cell, normal(len(cell.runs)), normal(sum(cell.runs)))
    row = cell.level + cell.row_spread * normal(cell.rows)
    arms = []
    for shift in (apart / 2, -apart / 2):
        own = _luck(cell, normal(len(cell.runs)), normal(sum(cell.runs)))
        luck = np.sqrt(cell.shared) * common + np.sqrt(1 - cell.shared) * own + shift
        logit = (row + cell.own_spread * normal(cell.rows))[:, None] + luck[..., None]
        arms.append((generator.random(logit.shape, dtype=np.float32) < special.expit(logit)).astype(float))
    return arms[0], arms[1]


def _luck(cell: SampleCell, of_samples: np.ndarray, of_seeds: np.ndarray) -> np.ndarray:
    return np.asarray(cell.sample_luck * np.repeat(of_samples, cell.runs, axis=1) + cell.seed_luck * of_seeds)


def main() -> None:
    """Measure every cell and print tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replications", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    rows = []
    for row in measure_all({**FAMILIES, **BEYOND}, given.replications, given.seed):
        rows.append(row)
        print({key: round(value, 4) for key, value in row.rates.items()}, row.name, f"[{row.family}]", flush=True)
    print(by_family(rows))
    print(json.dumps({"pooled": pooled(rows), "violations": violations(rows)}, indent=2))


if __name__ == "__main__":
    main()
