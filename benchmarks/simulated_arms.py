"""Predictions of arms that never were trained, with known truth: what the verdict's error rates are measured on.

A row is easy or hard for everybody (its own effect and its group's), a little easier for one arm than for the other, and
each run of an arm has a luck of its own, all on the logit of being right. Wrong answers fall on other labels by a fixed
table; a run may fail, and then answers the most frequent label throughout; a label that no row has may be answered now and
then. The true value of a metric is that of new seeds on endlessly many rows, by quadrature.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from headtohead.statistics import influence
from headtohead.statistics.unit_shares import by_unit

ANSWERS_PER_LABEL = 256
OWN_NOISE_OF_LOSS = 0.5
"""Spread of the logit behind a log-loss that is each row's in each run."""
SHIFTS = np.linspace(-3, 3, 121)
QUANTILES = (np.arange(60) + 0.5) / 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One design of a comparison."""

    seeds: int
    rows: int
    classes: int
    metrics: tuple[str, ...] = ("accuracy", "macro_f1", "cohen_kappa")
    other_seeds: int | None = None
    """Of the second arm; ``None``: as many."""
    seed_spread: float = 0.1
    other_spread: float | None = None
    """Of the second arm; the difference is taken off its rows' spread, so that the true values stay equal."""
    shared_spread: float = 1.0
    own_spread: float = 0.5
    """Of row effects that only one arm has: small where arms are alike."""
    group_size: int = 1
    """Mean rows per group; half of all row effects are then the group's."""
    level: float = 1.0
    """Mean logit of being right."""
    tunings: int = 0
    """Method level: independent tunings per arm, each the best of 16 trials with ``seeds`` fresh seeds."""
    configuration_spread: float = 0.0
    stray: float = 0.0
    """Share of rows that are answered with a label that no row has."""
    collapse: float = 0.0
    """Chance that a run fails."""
    top_k: int = 1
    """Equal configurations of which the best by validation is judged."""
    champion_again: bool = True
    """On further seeds, not on those that chose it."""

    @property
    def name(self) -> str:
        """Short words for tables."""
        parts = [f"{self.seeds}{f'/{self.other_seeds}' if self.other_seeds else ''} seeds", f"{self.rows} rows"]
        parts += [f"{self.classes} classes", f"spread {self.seed_spread:g}"]
        parts += [f"/{self.other_spread:g}"] if self.other_spread is not None else []
        parts += [f"own {self.own_spread:g}"] if self.own_spread != 0.5 else []
        parts += [f"groups of {self.group_size}"] if self.group_size > 1 else []
        parts += [f"level {self.level:g}"] if self.level != 1 else []
        parts += [f"stray answers {self.stray:g}"] if self.stray else []
        parts += [f"failing {self.collapse:g}"] if self.collapse else []
        parts += [f"best of {self.top_k}{'' if self.champion_again else ' on its own seeds'}"] if self.top_k > 1 else []
        parts += [f"{self.tunings} tunings, configurations {self.configuration_spread:g}"] if self.tunings else []
        return ", ".join(parts)

    @property
    def spread_of_second(self) -> float:
        """Seed spread of the second arm."""
        return self.seed_spread if self.other_spread is None else self.other_spread

    @property
    def labels(self) -> int:
        """Labels there are, with the one that no row has."""
        return self.classes + (self.stray > 0)

    @property
    def prevalence(self) -> np.ndarray:
        """Share of each class: frequent ones first."""
        share = 1 / np.sqrt(1 + np.arange(self.classes))
        return share / share.sum()

    @property
    def levels(self) -> np.ndarray:
        """Mean logit of being right, by class."""
        return self.level + np.linspace(-0.5, 0.5, self.classes)

    @property
    def confusion(self) -> np.ndarray:
        """Probability of each wrong answer by class: neighbours of ordinal labels, favourites of nominal ones."""
        position = np.arange(self.classes)
        distance = np.abs(position[:, None] - position[None, :])
        favourite = np.random.default_rng(self.classes).gamma(1.0, size=distance.shape)
        weight = np.where(distance > 0, 0.5**distance if "quadratic_kappa" in self.metrics else favourite, 0.0)
        return weight / weight.sum(axis=1, keepdims=True)

    @property
    def groups(self) -> np.ndarray:
        """Group of each row; sizes vary from one to about twice the mean."""
        sizes = np.random.default_rng(self.rows).integers(1, 2 * self.group_size, self.rows)
        return np.repeat(np.arange(self.rows), sizes)[: self.rows] if self.group_size > 1 else np.arange(self.rows)


def wrong_answers(cell: Cell) -> np.ndarray:
    """Return for each class a list of wrong answers in the table's proportions."""
    steps = (np.arange(ANSWERS_PER_LABEL) + 0.5) / ANSWERS_PER_LABEL
    return np.stack([np.searchsorted(np.cumsum(row), steps, side="right") for row in cell.confusion]).clip(
        0, cell.classes - 1
    )


def _normal(generator: np.random.Generator, shape: tuple[int, ...], spread: float) -> np.ndarray:
    return generator.standard_normal(shape, dtype=np.float32) * np.float32(spread)


def _row_effects(cell: Cell, generator: np.random.Generator, count: int, spread: float) -> np.ndarray:
    if cell.group_size == 1:
        return _normal(generator, (count, cell.rows), spread)
    half = spread / np.sqrt(2)
    group = cell.groups
    of_group = _normal(generator, (count, int(group[-1]) + 1), half)
    return _normal(generator, (count, cell.rows), half) + of_group[:, group]


def _luck_of_runs(cell: Cell, generator: np.random.Generator, count: int, runs: int, spread: float) -> np.ndarray:
    """Return the logit luck of runs: (count, runs); of methods (count, tunings x runs)."""
    if cell.top_k > 1:
        return _luck_of_champion(cell, generator, count, runs, spread)
    if not cell.tunings:
        return _normal(generator, (count, runs), spread)
    configuration = _normal(generator, (count, cell.tunings, 16), cell.configuration_spread)
    seen = (
        configuration + _normal(generator, configuration.shape, spread) + _normal(generator, configuration.shape, 0.05)
    )
    chosen = np.take_along_axis(configuration, seen.argmax(axis=-1, keepdims=True), axis=-1)
    return (chosen + _normal(generator, (count, cell.tunings, runs), spread)).reshape(count, -1)


def _luck_of_champion(cell: Cell, generator: np.random.Generator, count: int, runs: int, spread: float) -> np.ndarray:
    """Return the luck of the runs that are judged of the best of several equal configurations: (count, runs)."""
    if cell.champion_again:
        return _normal(generator, (count, runs), spread)
    luck = _normal(generator, (count, cell.top_k, runs), spread)
    seen = luck.mean(axis=-1) + _normal(generator, (count, cell.top_k), 0.05)
    return np.take_along_axis(luck, seen.argmax(axis=-1)[:, None, None], axis=1)[:, 0]


def simulate(
    cell: Cell, generator: np.random.Generator, count: int, shift: np.ndarray
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return per arm the shares (count x runs x units) of every metric; the arms lie ``shift`` logits apart."""
    gold = np.searchsorted(np.cumsum(cell.prevalence)[:-1], generator.random((count, cell.rows), dtype=np.float32))
    shared = cell.levels.astype(np.float32)[gold] + _row_effects(cell, generator, count, cell.shared_spread)
    arms = []
    for sign, runs, spread in (
        (0.5, cell.seeds, cell.seed_spread),
        (-0.5, cell.other_seeds or cell.seeds, cell.spread_of_second),
    ):
        own = np.sqrt(cell.own_spread**2 + cell.seed_spread**2 - spread**2)
        logit = shared + _row_effects(cell, generator, count, own)
        luck = _luck_of_runs(cell, generator, count, runs, spread) + sign * shift.astype(np.float32)[:, None]
        arms.append(_shares(cell, generator, gold, logit, luck))
    return arms[0], arms[1]


def _shares(
    cell: Cell, generator: np.random.Generator, gold: np.ndarray, logit: np.ndarray, luck: np.ndarray
) -> dict[str, np.ndarray]:
    shape = (*luck.shape, cell.rows)
    found: dict[str, np.ndarray] = {}
    if "log_loss" in cell.metrics:
        noisy = logit[:, None] + luck[..., None] + _normal(generator, shape, OWN_NOISE_OF_LOSS)
        found["log_loss"] = _additive(cell, np.log1p(np.exp(-noisy)))
    if set(cell.metrics) <= {"log_loss"}:
        return found
    odds = np.exp(logit)[:, None] * np.exp(luck)[..., None]
    right = generator.random(shape, dtype=np.float32) * (1 + odds) < odds
    if cell.stray:
        stray = generator.random(shape, dtype=np.float32) < cell.stray
        right &= ~stray
    if cell.collapse:
        failed = generator.random(luck.shape)[..., None] < cell.collapse
        right = np.where(failed, gold[:, None] == 0, right)
    if "accuracy" in cell.metrics:
        found["accuracy"] = _additive(cell, right)
    if set(cell.metrics) <= {"log_loss", "accuracy"}:
        return found
    truth = np.broadcast_to(gold[:, None], shape)
    place = generator.integers(0, ANSWERS_PER_LABEL, shape, dtype=np.uint8)
    guess = np.where(right, truth, wrong_answers(cell).ravel().take(truth * ANSWERS_PER_LABEL + place))
    guess = np.where(stray, cell.classes, guess) if cell.stray else guess
    guess = np.where(failed, 0, guess) if cell.collapse else guess
    if "mae" in cell.metrics:
        found["mae"] = _additive(cell, np.abs(truth - guess))
    linearised = {
        "macro_f1": lambda: influence.macro_f1(truth, guess, cell.labels),
        "cohen_kappa": lambda: influence.cohen_kappa(truth, guess, cell.labels),
        "quadratic_kappa": lambda: influence.quadratic_kappa(truth, guess),
    }
    for name in set(cell.metrics) & set(linearised):
        found[name] = by_unit(*linearised[name](), cell.groups)
    return found


def _additive(cell: Cell, per_row: np.ndarray) -> np.ndarray:
    value = per_row.mean(axis=-1, dtype=np.float64)
    return by_unit(value, per_row - value[..., None], cell.groups)


def true_values(cell: Cell, metric: str) -> np.ndarray:
    """Return the metric's true value at each of ``SHIFTS`` logits, over new seeds and endlessly many rows."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(41)
    weights = weights / weights.sum()
    luck, luck_weights = cell.seed_spread * nodes, weights
    if cell.tunings:
        luck = np.quantile(_luck_of_runs(cell, np.random.default_rng(0), 20_000, 1, cell.seed_spread), QUANTILES)
        luck_weights = np.full(len(QUANTILES), 1 / len(QUANTILES))
    rows = np.hypot(cell.shared_spread, cell.own_spread)
    if metric == "log_loss":
        rows = np.hypot(rows, OWN_NOISE_OF_LOSS)
    logit = cell.levels[:, None] + SHIFTS[:, None, None, None] + luck[:, None, None] + rows * nodes
    if metric == "log_loss":
        return ((np.log1p(np.exp(-logit)) @ weights) @ cell.prevalence) @ luck_weights
    right = special.expit(logit) @ weights  # shifts x seeds x classes
    table = (1 - right)[..., None] * cell.confusion
    position = np.arange(cell.classes)
    table[..., position, position] = right
    values = _of_table(metric, cell.prevalence, (1 - cell.stray) * table * cell.prevalence[:, None]) @ luck_weights
    if not cell.collapse:
        return values
    failed = np.outer(cell.prevalence, position == 0)
    return (1 - cell.collapse) * values + cell.collapse * _of_table(metric, cell.prevalence, failed)


def _of_table(metric: str, true: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Return a metric of confusion tables of probabilities (gold x answered); what is missing was answered otherwise."""
    right = np.diagonal(table, axis1=-2, axis2=-1)
    guess = table.sum(axis=-2)
    position = np.arange(table.shape[-1], dtype=float)
    distance = position[:, None] - position
    if metric == "accuracy":
        return right.sum(axis=-1)
    if metric == "mae":
        return (table * np.abs(distance)).sum(axis=(-2, -1))
    if metric == "macro_f1":
        return (2 * right / (true + guess)).mean(axis=-1)
    by_chance = true[:, None] * guess[..., None, :]
    apart = distance**2 if metric == "quadratic_kappa" else (distance != 0).astype(float)
    return 1 - (table * apart).sum(axis=(-2, -1)) / (by_chance * apart).sum(axis=(-2, -1))
