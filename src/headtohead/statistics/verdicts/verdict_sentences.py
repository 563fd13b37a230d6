"""A verdict in sentences that claim no more than the runs can carry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from headtohead.evaluation.metrics import widest_difference
from headtohead.statistics.arms import Arm
from headtohead.statistics.comparison import Comparison
from headtohead.statistics.multiplicity import Rate
from headtohead.statistics.variance import ROUNDING
from headtohead.statistics.verdicts.scope import scope_in_words

MARGINS = "compare.margin, or of a sweep hydra.sweeper.margin"


def sentence(pair: Comparison, arms: Mapping[str, Arm], rate: Rate, levels: Mapping[str, float], beside: str) -> str:
    """Return what a pair's comparison says: direction, equivalence, what could have been seen, what would decide.

    Args:
        pair: Decided.
        arms: By name.
        rate: Error rate that it was decided at.
        levels: Each arm's mean of the metric.
        beside: What costs seconds, on the same rows; empty where nobody has scored it.
    """
    one, other = (arms[name].described(as_method=pair.scope == "methods") for name in (pair.first, pair.second))
    both = [arms[name] for name in (pair.first, pair.second)]
    reached = ", ".join(f"{arm.name} {number(levels[arm.name])}" for arm in both)
    parts = [
        *_claim(pair, one, other, rate, f"{pair.metric} {reached}", beside),
        scope_in_words(pair.scope, both),
        _pairing(pair),
        _few_runs(pair, both),
        _sight(pair),
        _advice(pair, _drawn(pair, both)),
    ]
    return " ".join(f"{part}." for part in parts if part)


def _claim(pair: Comparison, one: str, other: str, rate: Rate, reached: str, beside: str) -> list[str]:
    """Return what was found, the news first: a direction, else that the difference does not matter, else what is open."""
    figures, near, cheap = _figures(pair, rate), _near(pair, rate), f"; {beside}" if beside else ""
    if pair.is_no_matter:
        within = f"within {number(pair.margin or 0.0)} of each other"
        return [
            f"No difference that matters between {one} and {other}: {within} ({near}{reached}{cheap})",
            f"Which of them is better, if any is, is undecided ({figures})",
        ]
    return [f"{_finding(pair, one, other)} ({reached}; {figures}{cheap})", _nearness(pair, near)]


def _finding(pair: Comparison, one: str, other: str) -> str:
    if pair.undirected:
        return f"No direction is given between {one} and {other}"
    if pair.direction:
        better, worse = (one, other) if pair.direction == pair.first else (other, one)
        return f"{better} is better than {worse}"
    return f"Undecided between {one} and {other}"


def _figures(pair: Comparison, rate: Rate) -> str:
    figure = f"{pair.first} minus {pair.second} {number(pair.difference, sign=True)}"
    if pair.low is None or pair.high is None:
        return f"{figure}, the same on every row"
    together = "simultaneous " if rate.pairs > 1 else ""
    figure += f", {together}{percent(1 - rate.level)} interval {span(pair.low, pair.high)}"
    return figure if pair.undirected else f"{figure}, p {p_value(pair.p_holm, rate.alpha)}{_corrections(rate)}"


def _corrections(rate: Rate) -> str:
    over = [f"{rate.pairs} pairs (Holm)"] if rate.pairs > 1 else []
    over += [f"{rate.looks} looks"] if rate.looks > 1 else []
    return f" corrected for {' and '.join(over)}" if over else ""


def _near(pair: Comparison, rate: Rate) -> str:
    """Return the interval that the margin is held against."""
    if pair.equivalence_low is None or pair.equivalence_high is None:
        return ""
    together = "simultaneous " if rate.pairs > 1 else ""
    return f"{together}{percent(1 - 2 * rate.level)} interval {span(pair.equivalence_low, pair.equivalence_high)}; "


def _nearness(pair: Comparison, near: str) -> str:
    if pair.equivalent is None or pair.undirected:
        return ""
    margin, interval = number(pair.margin or 0.0), f" ({near.removesuffix('; ')})" if near else ""
    if pair.equivalent is not True:
        few = f"only {pair.told_apart} rows or groups of rows tell" if pair.told_apart else "no row tells"
        why = f": {few} them apart" if pair.shows_too_little else ""
        return f"That they lie within {margin} of each other is not shown{interval}{why}"
    return f"They lie within {margin} of each other{interval}, too little to matter by that margin"


def _pairing(pair: Comparison) -> str:
    if pair.pairing == "none":
        return ""
    return "Runs of the same seeds were paired, as was set beforehand, so that luck which the arms share drops out"


def _drawn(pair: Comparison, both: Sequence[Arm]) -> str:
    """Return what a further draw of an arm would be: what is exchangeable in it."""
    if pair.scope == "methods":
        return "tunings"
    return "training samples" if any(arm.drawn == "training samples" for arm in both) else "seeds"


def _few_runs(pair: Comparison, both: Sequence[Arm]) -> str:
    if pair.undirected:
        return f"Neither is called better, nor are they called equal: {pair.undirected}"
    drawn = _drawn(pair, both)
    if pair.scope == "configurations" and {arm.spare_runs for arm in both} == {1}:
        return f"Two {drawn} each say very little, since two show hardly how far {drawn} lie apart; five are usual"
    return ""


def _sight(pair: Comparison) -> str:
    if pair.detectable is None:
        return ""
    if pair.detectable > widest_difference(pair.metric):
        return f"A comparison of this size could not be sure to find any difference in {pair.metric}, whatever its size"
    return f"A comparison like this finds a true difference of about {about(pair.detectable)} in at least 80 % of cases"


def _advice(pair: Comparison, unit: str) -> str:
    """Say what gives a good chance to decide at the next look; nothing where nothing suggests that there is anything."""
    if pair.direction or pair.equivalent is True or pair.detectable is None:
        return ""
    if pair.detectable > widest_difference(pair.metric) and pair.margin is None:
        return ""
    if pair.sought is None:
        return f"Nothing suggests a difference: to ask whether the arms are equal, set a margin ({MARGINS})"
    counts = ((pair.more_runs, f"{unit} per arm"), (pair.more_rows, "rows"))
    if any(count == 0 for count, _ in counts):
        return ""
    ways = [f"{count:,} more {what}" for count, what in counts if count]
    aim = f"To see a difference of {about(pair.sought)}" + (", the one found," if pair.margin is None else "")
    if ways:
        return f"{aim} with a 4-in-5 chance at the next look takes about {' or '.join(ways)}"
    if pair.scope == "runs":
        return f"{aim} more rows alone would not be enough, and one seed does not say how many seeds would"
    return f"{aim} neither more {unit} nor more rows alone would be enough"


def number(value: float, *, sign: bool = False) -> str:
    """Return three significant digits without exponents for usual sizes; what is only rounding is zero."""
    value = value if abs(value) > ROUNDING else 0.0
    return f"{value:+.3g}" if sign else f"{value:.3g}"


def about(value: float) -> str:
    """Return the two significant digits that an estimate deserves."""
    return f"{float(f'{value:.2g}'):g}"


def span(low: float, high: float) -> str:
    """Return an interval of a difference."""
    return f"{number(low, sign=True)} to {number(high, sign=True)}"


def p_value(value: float, alpha: float) -> str:
    """Return a p-value as a reader wants it: where three decimals would put it on the other side of ``alpha``, with more."""
    decides = value <= alpha
    if value < 0.001 and decides:
        return "< .001"
    written = (f"{value:.{decimals}f}" for decimals in range(3, 17))
    return next((text for text in written if (float(text) <= alpha) == decides), repr(value))


def percent(share: float) -> str:
    """Return a share as a percentage without needless decimals."""
    return f"{100 * share:.4g} %"
