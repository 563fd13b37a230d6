"""Error rate of the rule for degrees of freedom on the variance model itself, at its worst over how the variance is shared.

    python benchmarks/verdict_model.py [--draws 60000]

A difference has the variance of rows and of each arm's seeds; every one is estimated by a chi-square variable. The worst
cell is looked for over the seeds' share of the variance (0 to .95), and over how many times further one arm's seeds lie apart
than the other's: 1 to 5, and 10 to 20. In brackets the half-width over the package's, seeds alike.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
from scipy import special

from headtohead.statistics.variance import Layout, degrees_of_freedom

ALPHA, UNITS = 0.05, 300
SHARES = (0.0, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95)
RATIOS = {"1 to 5": (1, 2, 3, 5), "10 to 20": (10, 20)}
COUNTS = (
    (2, 2),
    (2, 3),
    (2, 8),
    (8, 2),
    (3, 3),
    (3, 4),
    (3, 8),
    (8, 3),
    (4, 4),
    (4, 8),
    (5, 5),
    (5, 8),
    (8, 8),
    (3, 1),
    (2, 1),
)
Rule = Callable[[Layout], np.ndarray]


def believed(exponent: int) -> Rule:
    """Return the rule that believes every source alike: 2 is Satterthwaite's, 1 is Cochran and Cox's."""

    def df(layout: Layout) -> np.ndarray:
        sources = zip((layout.across_units, *layout.runs), (layout.units, *layout.run_counts), strict=True)
        reciprocal = sum((part / layout.variance) ** exponent / (count - 1) for part, count in sources)
        return np.asarray(1 / reciprocal)

    return df


RULES: dict[str, Rule] = {
    "package": degrees_of_freedom,
    "Satterthwaite": believed(2),
    "Cochran and Cox": believed(1),
}


def drawn(counts: tuple[int, int], share: float, ratio: float, draws: int) -> Layout:
    """Return estimates of comparisons of equal arms whose variance is 1; a single run adds none."""
    generator = np.random.default_rng([*counts, int(100 * share), int(ratio)])
    parts = [spread**2 / count if count > 1 else 0.0 for spread, count in zip((ratio, 1.0), counts, strict=True)]
    luck = [share * part / sum(parts) for part in parts]
    several = [(part, count) for part, count in zip(luck, counts, strict=True) if count > 1]
    runs = tuple(part * generator.chisquare(count - 1, draws) / (count - 1) for part, count in several)
    return Layout(
        difference=generator.standard_normal(draws),
        units=UNITS,
        across_units=(1 - share) * generator.chisquare(UNITS - 1, draws) / (UNITS - 1),
        runs=runs,
        run_by_unit=tuple(np.zeros(draws) for _ in runs),
        run_counts=tuple(count for _, count in several),
        has_single_run=len(several) < len(counts),
    )


def reach(layout: Layout, rule: Rule) -> np.ndarray:
    """Return the half-widths of the intervals."""
    return np.asarray(special.stdtrit(rule(layout), 1 - ALPHA / 2) * np.sqrt(layout.variance))


def worst(counts: tuple[int, int], rule: Rule, ratios: tuple[int, ...], draws: int) -> float:
    """Return the largest share of equal arms that are called different."""
    layouts = (drawn(counts, share, ratio, draws) for share in SHARES for ratio in ratios)
    return max(float(np.mean(np.abs(layout.difference) > reach(layout, rule))) for layout in layouts)


def width(counts: tuple[int, int], rule: Rule, draws: int) -> float:
    """Return the mean over shares of the median half-width, seeds alike."""
    return float(np.mean([np.median(reach(drawn(counts, share, 1, draws), rule)) for share in SHARES]))


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=60_000)
    draws = parser.parse_args().draws
    print("| seeds |", " | ".join(RULES), "|\n|---" + "|---" * len(RULES) + "|")
    for counts in COUNTS:
        own, cells = width(counts, RULES["package"], draws), []
        for rule in RULES.values():
            sizes = ", ".join(f"{100 * worst(counts, rule, ratios, draws):.1f}" for ratios in RATIOS.values())
            cells.append(f"{sizes} [{width(counts, rule, draws) / own:.2f}]")
        print(f"| {counts[0]}, {counts[1]} |", " | ".join(cells), "|", flush=True)


if __name__ == "__main__":
    main()
