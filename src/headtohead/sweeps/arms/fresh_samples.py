"""``hydra.sweeper.confirm.fresh_samples``: whether confirming runs can draw training rows of their own, and what that costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from headtohead.config import DataConfig
from headtohead.data import Corpus
from headtohead.errors import UserError
from headtohead.notices import Notice
from headtohead.sweeps.arms.arm_lists import FIRST_FRESH_SEED, ConfirmSettings
from headtohead.sweeps.space.search_space import Space
from headtohead.sweeps.sweeper_settings import Settings

KEY = "hydra.sweeper.confirm.fresh_samples=true"
MOST = 0.5
"""Share of the rows there are that a sample may take: larger ones are mostly the same rows, whose luck does not show."""
MUCH = 0.1
"""Share from which it is said how much of a sample's luck does not show."""
DRAWN = ("data.seed", "data.split.seed")


def draws_samples(settings: Settings) -> bool:
    """Whether confirming runs are asked to; without arms there are none."""
    return bool(settings.arms) and settings.confirm.fresh_samples


def refuse_odd_samples(firsts: Mapping[str, DataConfig], spaces: Mapping[str, Space]) -> None:
    """Refuse arms whose confirming runs could not draw samples, or none that are fresh.

    Raises:
        UserError: a seed that is tuned or taken, or folds.
    """
    for arm, config in firsts.items():
        varied = {*spaces[arm].dimensions, *spaces[arm].plan.repeated}
        if tuned := [key for key in DRAWN if key in varied]:
            raise UserError(
                f"{KEY} draws with {tuned[0]}, which is varied too: leave {tuned[0]} out of the search space"
            )
        if config.split.folds:
            raise UserError(f"{KEY}: every fold has training rows of its own already; leave it out")
        if config.seed >= FIRST_FRESH_SEED:
            raise UserError(
                f"data.seed={config.seed}: tuning takes data seeds below {FIRST_FRESH_SEED}, from which on the confirming "
                f"runs have theirs ({KEY})"
            )


def refuse_samples_of_most(arm: str, config: DataConfig, corpus: Corpus) -> None:
    """Refuse samples that take all or most of the rows there are.

    Raises:
        UserError: naming how many are, and what to set.
    """
    if not config.draws_sample:
        rows = int(corpus.ledger["rows"]["train"])
        said = f"every run trains on all {rows:,} rows that are not held out"
        raise UserError(_nothing_shown(arm, config, said, f"data.subset.train={max(1, rows // 2)}"))
    rows, pool = _rows_and_pool(config, corpus)
    if rows > MOST * pool:
        by_label = config.subset.train is None
        most = max(1, pool // 2 // (len(corpus.labels) if by_label else 1))
        said = f"samples are {rows:,} of {pool:,} rows, mostly the same ones"
        raise UserError(_nothing_shown(arm, config, said, f"data.subset.{'per_class' if by_label else 'train'}={most}"))


def _nothing_shown(arm: str, config: DataConfig, said: str, line: str) -> str:
    can_fold = list(config.files) == ["train"]
    folds = f", or data.split.folds=5 data.split.repeats=3 instead of {KEY}" if can_fold else ""
    return (
        f"hydra.sweeper.arms.{arm}: {said}, so that {KEY} would show little of a training sample's luck: "
        f"set {line} or less{folds}"
    )


def _rows_and_pool(config: DataConfig, corpus: Corpus) -> tuple[int, int]:
    subset = config.subset
    wanted = subset.train if subset.train is not None else (subset.per_class or 0) * len(corpus.labels)
    pool = int(corpus.ledger["training_sample"]["drawn_from"])
    return min(wanted, pool), pool


def costs_of_samples(wanted: ConfirmSettings, corpora: Mapping[str, tuple[DataConfig, Corpus]]) -> Iterator[Notice]:
    """Yield what fresh samples cost, to be said before anything runs, and how much of a sample's luck they leave out."""
    yield Notice(
        text=f"each of the {wanted.seeds} confirming runs of a tuning draws training rows of its own ({KEY}): they are read, "
        "tokenised and, where a trunk is frozen, run through it anew for each. "
        "Intervals then hold the luck of the sample, and are wider, half as wide again to two and a half "
        "times in simulations where it is large. The test rows stay",
        leads=False,
    )
    sizes = dict.fromkeys(_rows_and_pool(config, corpus) for config, corpus in corpora.values())
    for rows, pool in sizes:
        if rows > MUCH * pool:
            yield Notice(
                text=f"samples of {rows:,} out of {pool:,} rows share {rows / pool:.0%} of them on average, so that intervals "
                f"hold about {1 - rows / pool:.0%} of the variance that comes of the training sample",
                leads=False,
            )
