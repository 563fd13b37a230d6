"""``hydra.sweeper.confirm.fresh_samples``: whether confirming runs can draw training rows of their own, and what that costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from headtohead.config import Config
from headtohead.data import Corpus
from headtohead.errors import UserError
from headtohead.notices import Notice
from headtohead.sweeping.arms import FIRST_FRESH_SEED, ConfirmSettings
from headtohead.sweeping.settings import Settings
from headtohead.sweeping.space import Space

KEY = "hydra.sweeper.confirm.fresh_samples=true"
MOST = 0.5
"""Share of the rows there are that a sample may take: larger ones are mostly the same rows, whose luck does not show."""
MUCH = 0.1
"""Share from which it is said how much of a sample's luck does not show."""
DRAWN = ("data.seed", "data.split.seed")


def draws_samples(settings: Settings) -> bool:
    """Whether confirming runs are asked to; without arms there are none."""
    return bool(settings.arms) and settings.confirm.fresh_samples


def refuse_odd_samples(firsts: Mapping[str, Config], spaces: Mapping[str, Space]) -> None:
    """Refuse arms whose confirming runs could not draw samples, or none that are fresh.

    Raises:
        UserError: a seed that is tuned or taken, folds, or nothing that ``data.seed`` would draw.
    """
    for arm, config in firsts.items():
        if tuned := [key for key in DRAWN if key in spaces[arm].dimensions]:
            raise UserError(
                f"{KEY} draws with {tuned[0]}, which is tuned too: leave {tuned[0]} out of the search space"
            )
        if config.data.split.folds:
            raise UserError(f"{KEY}: every fold has training rows of its own already; leave it out")
        if config.data.seed >= FIRST_FRESH_SEED:
            raise UserError(
                f"data.seed={config.data.seed}: tuning takes data seeds below {FIRST_FRESH_SEED}, from which on the confirming "
                f"runs have theirs ({KEY})"
            )
        if not config.data.draws_sample:
            raise UserError(
                f"{_where(arm)}every run trains on all rows that are not held out, so that {_nothing(config)}"
            )


def refuse_samples_of_most(arm: str, config: Config, corpus: Corpus) -> None:
    """Refuse samples that take most of the rows there are.

    Raises:
        UserError: naming how many are.
    """
    rows, pool = _rows_and_pool(config, corpus)
    if rows <= MOST * pool:
        return
    line = f"{'data.subset.train' if config.data.subset.train else 'data.subset.per_class'}"
    most = pool // 2 if config.data.subset.train else max(1, pool // (2 * len(corpus.labels)))
    raise UserError(
        f"{_where(arm)}{line} takes {rows:,} of {pool:,} rows, so that samples are mostly the same rows and "
        f"{_nothing(config, f'{line}={most} or less')}"
    )


def _nothing(config: Config, line: str = "data.subset.train=<rows>") -> str:
    folds = (
        f", or data.split.folds=5 data.split.repeats=3 instead of {KEY}" if list(config.data.files) == ["train"] else ""
    )
    return f"{KEY} would show nothing of the luck of a training sample: give {line}{folds}"


def _rows_and_pool(config: Config, corpus: Corpus) -> tuple[int, int]:
    subset = config.data.subset
    wanted = subset.train if subset.train is not None else (subset.per_class or 0) * len(corpus.labels)
    pool = int(corpus.ledger["training_sample"]["drawn_from"])
    return min(wanted, pool), pool


def costs_of_samples(wanted: ConfirmSettings, corpora: Mapping[str, tuple[Config, Corpus]]) -> Iterator[Notice]:
    """Yield what fresh samples cost, to be said before anything runs, and how much of a sample's luck they leave out."""
    yield Notice(
        text=f"each of {wanted.seeds} confirming runs per arm draws training rows of its own ({KEY}): they are read, tokenised "
        "and, where a trunk is frozen, run through it anew for each. Intervals are wider, about threefold where the luck of a "
        "sample is as large as that of three seeds, as they then hold it; the held-out rows stay"
    )
    for arm, (config, corpus) in corpora.items():
        rows, pool = _rows_and_pool(config, corpus)
        if rows > MUCH * pool:
            yield Notice(
                text=f"{_where(arm)}samples of {rows:,} out of {pool:,} rows share {rows / pool:.0%} of them on average, so that "
                f"intervals hold about {1 - rows / pool:.0%} of the variance that comes of the training sample"
            )


def _where(arm: str) -> str:
    return f"hydra.sweeper.arms.{arm}: " if arm else ""
