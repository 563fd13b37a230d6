"""Arms paired by seed: differences of runs of one seed number, where arms share the luck of a seed or of a training sample.

Readers are then crossed with modalities instead of nested in them (Obuchowski and Rockette's factorial layout; Gallas): the
same variance, of differences. It finds more where luck is shared, and less where it is not, since it counts half as many
draws; so it is chosen before anything was seen, and another choice is another look.
"""

from __future__ import annotations

from collections.abc import Sequence

from headtohead.errors import UserError
from headtohead.statistics.draws import Unit
from headtohead.statistics.variance import Stratum

PAIRINGS = ("none", "seeds")
Units = Sequence[Sequence[Unit]]
Seeds = frozenset[tuple[int, int]]
MOST_NAMED = 3


def paired(first: tuple[Units, Sequence[Stratum]], second: tuple[Units, Sequence[Stratum]]) -> list[Stratum]:
    """Return strata of differences, each draw of one arm less that of the same seeds in the other.

    Args:
        first: Units of an arm that ``refuse_unpaired`` has let pass, with their strata.
        second: The other's.
    """
    others = {_seeds_of(units): (units, stratum) for units, stratum in zip(*second, strict=True)}
    found = []
    for units, stratum in zip(*first, strict=True):
        partners, partner = others[_seeds_of(units)]
        place = {unit.seeds: number for number, unit in enumerate(partners)}
        order = [place[unit.seeds] for unit in units]
        found.append(Stratum(stratum.shares - partner.shares[..., order, :], stratum.weight))
    return found


def refuse_paired_folds(pairing: str, key: str) -> None:
    """Refuse to pair by seed what is compared fold by fold, on the same rows, anyway.

    Args:
        pairing: Of arms by cross-validation.
        key: The setting that holds it.

    Raises:
        UserError: it is not ``none``.
    """
    if pairing != "none":
        raise UserError(
            f"{key}={pairing}: folds are compared on the same training and test rows already; set {key}=none"
        )


def refuse_unpaired(arms: Sequence[tuple[str, Units]]) -> None:
    """Refuse arms whose draws do not match one to one by their seeds.

    Raises:
        UserError: naming the seeds that one arm has and the other has not.
    """
    for name, units in arms:
        _refuse_several_of_a_seed(name, units)
    (name, reference), *others = arms
    for other, own in others:
        if set(map(_seeds_of, own)) != set(map(_seeds_of, reference)):
            raise UserError(
                f"compare.pairing=seeds pairs runs of the same seeds, and those of {name} and {other} do not match "
                f"({_unmatched(name, reference, other, own)}): run what is missing, leave out what has no partner, or set "
                "compare.pairing=none"
            )


def _refuse_several_of_a_seed(arm: str, units: Units) -> None:
    draws = [unit.seeds for stratum in units for unit in stratum]
    if len(set(draws)) < len(draws):
        raise UserError(
            f"compare.pairing=seeds: several configurations of arm {arm!r} were run with the same seeds, so that a run has "
            "more than one partner: give one configuration per arm, or set compare.pairing=none"
        )


def _unmatched(name: str, reference: Units, other: str, own: Units) -> str:
    here, there = ({unit.seeds for stratum in units for unit in stratum} for units in (reference, own))
    one_sample = len({data_seed for draw in here | there for _, data_seed in draw}) == 1
    lacking = [(other, here - there), (name, there - here)]
    said = [f"{arm} has none of {_in_words(missing, one_sample)}" for arm, missing in lacking if missing]
    return "; ".join(said) or "they lie in other configurations"


def _seeds_of(units: Sequence[Unit]) -> frozenset[Seeds]:
    return frozenset(unit.seeds for unit in units)


def _in_words(draws: set[Seeds], one_sample: bool) -> str:
    pairs = sorted(set[tuple[int, int]]().union(*draws))
    named = [f"seed={seed}" if one_sample else f"seed={seed} data.seed={data_seed}" for seed, data_seed in pairs]
    more = f" and {len(named) - MOST_NAMED} more" if len(named) > MOST_NAMED else ""
    return ", ".join(named[:MOST_NAMED]) + more
