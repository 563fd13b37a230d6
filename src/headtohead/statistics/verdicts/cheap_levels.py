"""What costs seconds beside the arms: TF-IDF and the majority class on the same rows, and whether any arm is worth more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from headtohead.evaluation import HIGHER_IS_BETTER
from headtohead.statistics.verdicts.verdict_sentences import number

Values = Mapping[str, float]
ROUNDING = 1e-9
SPOKEN = {"tfidf": "TF-IDF", "majority": "the majority class"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cheap:
    """Baselines of the arms' own training rows, scored on the rows that the arms were scored on."""

    values: Mapping[str, Mapping[str, Values]] = field(default_factory=dict)
    """Arm to baseline to metric; of several training samples the mean, as it is of runs."""
    missing: Sequence[str] = ()
    """Why some could not be had."""
    is_arm: frozenset[str] = frozenset()
    """Arms that are TF-IDF themselves."""

    def of_arm(self, arm: str, metric: str) -> dict[str, float]:
        """Return each baseline's value of a metric."""
        found = {name: values.get(metric) for name, values in self.values.get(arm, {}).items()}
        return {name: value for name, value in found.items() if value is not None}

    def best_of_arm(self, arm: str, metric: str) -> tuple[str, float] | None:
        """Return the better baseline of an arm's training rows, with its value."""
        sign, found = _sign(metric), self.of_arm(arm, metric)
        return max(found.items(), key=lambda item: sign * item[1]) if found else None

    def beside(self, arms: Sequence[str], metric: str) -> str:
        """Return the best baseline of some arms in words; each arm's where they were trained on other rows."""
        found = {arm: best for arm in arms if (best := self.best_of_arm(arm, metric)) is not None}
        if len(set(found.values())) == 1:
            (name, value), *_ = found.values()
            return f"{_spoken(name, metric)} {number(value)} on the same rows"
        return " and ".join(
            f"{_spoken(name, metric)} {number(value)} from {arm}'s training rows"
            for arm, (name, value) in found.items()
        )

    @property
    def unscored(self) -> str | None:
        """Say plainly which baselines a verdict lacks, and why."""
        if not self.missing:
            return None
        more = f"; and {len(self.missing) - 1} more" if len(self.missing) > 1 else ""
        return f"What costs seconds could not all be scored on these rows: {self.missing[0]}{more}"

    def lead(self, levels: Values, metric: str, rows: str = "rows") -> str | None:
        """Return what is to be said before anything else: that what costs seconds does as well as all arms.

        Args:
            levels: every arm's mean of the metric.
            metric: that decides.
            rows: in words, that all were scored on.
        """
        sign = _sign(metric)
        best = max(levels, key=lambda arm: sign * levels[arm])
        known = [found for arm in levels if (found := self.best_of_arm(arm, metric)) is not None]
        if not known:
            return None
        name, value = max(known, key=lambda found: sign * found[1])
        ahead = sign * (levels[best] - value)
        if ahead > 0 or (best in self.is_arm and ahead > -ROUNDING):
            return None
        spoken, several = _spoken(name, metric), len(levels) > 1
        return (
            f"{spoken[0].upper()}{spoken[1:]}, which costs seconds, does at least as well as {'every arm' if several else best} "
            f"on these {rows}: {metric} {number(value)}; {best}{', the best arm,' if several else ''} {number(levels[best])} "
            "(means; whether by more than chance was not asked)"
        )


def _sign(metric: str) -> int:
    return 1 if HIGHER_IS_BETTER[metric] else -1


def _spoken(name: str, metric: str) -> str:
    return "a constant answer" if name == "majority" and metric == "mae" else SPOKEN.get(name, name)


def systems_of(baselines: Mapping[str, Mapping[str, Values]]) -> dict[str, Values]:
    """Return every baseline's metrics by its name in a table; each arm's own where arms had other training rows.

    Args:
        baselines: arm to baseline to metric, as a verdict holds them.
    """
    found: dict[str, Values] = {}
    for name, title in (("tfidf", "TF-IDF"), ("majority", "majority class")):
        own = {arm: dict(values[name]) for arm, values in baselines.items() if name in values}
        first, *others = own.values() if own else [{}]
        if all(other == first for other in others):
            found |= {title: first} if first else {}
        else:
            found |= {f"{title}, rows of {arm}": values for arm, values in own.items()}
    return found
