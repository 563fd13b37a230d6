"""A search space, read from Hydra's sweep grammar: what is varied, and what is the same in every job."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, IntervalSweep, Override, QuotedString, RangeSweep
from hydra.errors import OverrideParseException
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from headtohead.errors import UserError
from headtohead.sweeps.space.override_values import assignment, in_grammar, label
from headtohead.sweeps.space.repetition_plan import Plan

NOT_OF_RESULTS = ("track", "paths", "fresh", "recognised")
"""Keys on which no result of a sweep depends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension:
    """One key that is varied."""

    key: str
    """As an override names it, with ``+`` where the key is new."""
    distribution: BaseDistribution
    values: list[Any] | None
    """Every value in order, where they can be listed; None for intervals."""

    @property
    def name(self) -> str:
        """What the study calls it."""
        return self.key.lstrip("+")

    def override(self, value: Any) -> str:
        """Return the override of a value that the study holds."""
        known = {label(own): own for own in self.values or []} if self.is_categorical else {}
        return assignment(self.key, known.get(value, value))

    def some_values(self) -> list[Any]:
        """Return values a study could hold: every choice, or an interval's ends."""
        if isinstance(self.distribution, CategoricalDistribution):
            return list(self.distribution.choices)
        assert isinstance(self.distribution, IntDistribution | FloatDistribution)
        return [self.distribution.low, self.distribution.high]

    def end_of_range(self, value: Any) -> str | None:
        """Return ``lowest`` or ``highest`` where a number lies at an end of what is tried, beyond which better ones may lie.

        Of listed numbers (three or more: of two, each is an end) the ends are meant, of an interval its outer twentieths,
        on a logarithmic scale where it is one. Zero is no end: what can be switched off cannot go lower.
        """
        ends = self._ends()
        if ends is None or not _is_number(value) or value == 0:
            return None
        low, high = ends
        return "lowest" if value <= low else "highest" if value >= high else None

    def _ends(self) -> tuple[float, float] | None:
        if self.values is not None:
            is_ordered = len(self.values) > 2 and all(map(_is_number, self.values))
            return (min(self.values), max(self.values)) if is_ordered else None
        low, high = self.some_values()
        if getattr(self.distribution, "log", False):
            return low * (high / low) ** 0.05, low * (high / low) ** 0.95
        return low + 0.05 * (high - low), low + 0.95 * (high - low)

    @property
    def is_categorical(self) -> bool:
        """Whether its values have no order that a sampler knows of."""
        return isinstance(self.distribution, CategoricalDistribution)

    def __str__(self) -> str:
        """In Hydra's grammar, for messages."""
        match self.distribution:
            case CategoricalDistribution():
                return f"choice({', '.join(in_grammar(value) for value in self.values or [])})"
            case IntDistribution(low=low, high=high, step=step):
                inner = f"range({low}, {high + 1}, {step})" if step > 1 else f"range({low}, {high + 1})"
            case FloatDistribution(low=low, high=high):
                inner = f"interval({low!r}, {high!r})"
            case _:
                raise AssertionError(self.distribution)
        return f"tag(log, {inner})" if getattr(self.distribution, "log", False) else inner


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """What a sweep varies, and the overrides that every job shares."""

    dimensions: dict[str, Dimension]
    """By the study's name."""
    fixed: list[str]
    only_tuning: tuple[str, ...] = ()
    """Of the shared overrides those that nobody gave: a trial is spared what only a final run needs."""
    plan: Plan = field(default_factory=Plan)
    """What every trial is repeated over."""

    @property
    def fixed_for_results(self) -> list[str]:
        """The shared overrides that results depend on, sorted."""
        return sorted(line for line in self.fixed if not sets(line, NOT_OF_RESULTS))

    def overrides(self, params: Mapping[str, Any]) -> list[str]:
        """Return a job's overrides: the shared ones, then the trial's own."""
        own = [self.dimensions[name].override(value) for name, value in params.items() if name in self.dimensions]
        return [*self.fixed, *own]

    @property
    def distributions(self) -> dict[str, BaseDistribution]:
        """What Optuna samples from."""
        return {name: dimension.distribution for name, dimension in self.dimensions.items()}

    def grid(self) -> list[dict[str, Any]]:
        """Return every combination, the last key fastest, as Hydra's own sweeper orders them.

        Raises:
            UserError: a dimension is an interval, which has no list of values.
        """
        for dimension in self.dimensions.values():
            if dimension.values is None:
                raise UserError(
                    f"a grid needs values that can be listed, and {dimension.name}={dimension} is an interval: use "
                    "choice(...) or range(...), or set hydra.sweeper.sampler, such as hydra/sweeper/sampler=tpe"
                )
        columns = [[label(value) for value in dimension.values or []] for dimension in self.dimensions.values()]
        return [dict(zip(self.dimensions, values, strict=True)) for values in product(*columns)]

    def described(self) -> dict[str, str]:
        """Return each dimension in Hydra's grammar, for records and messages."""
        return {name: str(dimension) for name, dimension in self.dimensions.items()}


def parse_space(params: Mapping[str, Any], arguments: Sequence[str]) -> Space:
    """Read a search space.

    Args:
        params: key to grammar, as ``hydra.sweeper.params`` holds them.
        arguments: of the command line; they win over ``params``.

    Raises:
        UserError: what cannot be parsed or sampled.
    """
    given = _parse([f"{key}={text if isinstance(text, str) else in_grammar(text)}" for key, text in params.items()])
    latest = {override.get_key_element().lstrip("+~"): override for override in [*given, *_parse(arguments)]}
    swept = {name: override for name, override in latest.items() if override.is_sweep_override()}
    return Space(
        dimensions={name: _dimension(override) for name, override in swept.items()},
        fixed=[str(override.input_line) for name, override in latest.items() if name not in swept],
    )


def sets(line: str, keys: Iterable[str]) -> bool:
    """Whether an override sets one of some keys, or anything below it."""
    return line.partition("=")[0].lstrip("+~").partition(".")[0] in keys


def keys_of(lines: Iterable[str]) -> list[str]:
    """Return the keys that overrides set, without ``+`` and ``~``.

    Raises:
        UserError: an override that cannot be parsed.
    """
    return [override.get_key_element().lstrip("+~") for override in _parse(lines)]


def _parse(lines: Iterable[str]) -> list[Override]:
    try:
        return list(OverridesParser.create().parse_overrides(list(lines)))
    except OverrideParseException as error:
        raise UserError(f"the search space cannot be read: {str(error).splitlines()[0]} ({error.override})") from None


def _dimension(override: Override) -> Dimension:
    key, swept = override.get_key_element(), override.value()
    match swept:
        case ChoiceSweep():
            values = [_unquoted(value) for value in swept.list]
            if swept.shuffle:
                raise UserError(f"{override.input_line}: the sampler decides on the order; leave shuffle out")
            labels = [label(value) for value in values]
            if repeated := [in_grammar(v) for v, name in zip(values, labels, strict=True) if labels.count(name) > 1]:
                raise UserError(f"{override.input_line} lists {repeated[0]} more than once")
            distribution: BaseDistribution = CategoricalDistribution(labels)
        case RangeSweep():
            distribution, values = _range(override, swept)
        case IntervalSweep():
            distribution, values = _interval(override, swept), None  # type: ignore[assignment]
        case _:
            raise UserError(f"{override.input_line} cannot be sampled: use choice, range or interval")
    return Dimension(key=key, distribution=distribution, values=values)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _unquoted(value: Any) -> Any:
    """Return a parsed value without the quotes it was written in."""
    match value:
        case QuotedString():
            return value.text
        case list():
            return [_unquoted(item) for item in value]
        case dict():
            return {str(_unquoted(key)): _unquoted(item) for key, item in value.items()}
        case _:
            return value


def _range(override: Override, swept: RangeSweep) -> tuple[BaseDistribution, list[Any]]:
    """``range`` excludes its end, here as everywhere in Hydra."""
    values: list[Any] = list(override.sweep_iterator())
    if not values:
        raise UserError(f"{override.input_line} holds no values")
    if len(set(map(type, values))) == 1 and isinstance(values[0], int):
        log = "log" in swept.tags
        if log and swept.step != 1:
            raise UserError(f"{override.input_line}: a logarithmic range has step 1")
        return IntDistribution(min(values), max(values), step=abs(int(swept.step)), log=log), sorted(values)
    return CategoricalDistribution(values), values  # steps of 0.1 do not add up exactly


def _interval(override: Override, swept: IntervalSweep) -> BaseDistribution:
    low, high = swept.start, swept.end
    assert low is not None
    assert high is not None
    if low > high:
        raise UserError(f"{override.input_line}: the interval ends before it starts")
    log = "log" in swept.tags
    if log and low <= 0:
        raise UserError(f"{override.input_line}: a logarithmic interval starts above zero")
    if "int" in swept.tags or isinstance(low, int):
        return IntDistribution(int(low), int(high), log=log)
    return FloatDistribution(float(low), float(high), log=log)
