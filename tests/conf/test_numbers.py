"""No group, sweeper or launcher takes a number that is not finite, or a seed that some library would refuse later."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

from headtohead.config import build_config
from headtohead.config.numbers import LARGEST_SEED, require_numbers
from headtohead.errors import UserError
from headtohead.hydra_io.schema import without_hydra

CONF = str(Path(__file__).parents[2] / "conf")
GROUPS = ["model=tiny", "data=files", "data.source.name=x.csv"]
BAD = [math.nan, math.inf, -math.inf]


def plain(*overrides: str) -> dict[str, Any]:
    GlobalHydra.instance().clear()
    with initialize_config_dir(CONF, version_base="1.3"):
        return without_hydra(compose("config", overrides=[*GROUPS, *overrides]))


def numbers(tree: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Walk to every number of a configuration."""
    if isinstance(tree, Mapping):
        for key, value in tree.items():
            yield from numbers(value, (*path, key))
    elif isinstance(tree, int | float) and not isinstance(tree, bool):
        yield path


def changed(tree: dict[str, Any], path: tuple[str | int, ...], value: Any) -> dict[str, Any]:
    copy: Any = deepcopy(tree)
    place = copy
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    found: dict[str, Any] = copy
    return found


@pytest.mark.parametrize(
    "choices", [["loss=focal"], ["loss=huber", "head=regression"], ["lora=qlora"], ["lora=frozen"]]
)
def test_every_number_of_every_group_is_finite(choices: list[str]) -> None:
    whole = plain(*choices)
    build_config(whole)
    paths = list(numbers(whole))
    assert len(paths) > 20
    for path in paths:
        for bad in BAD:
            with pytest.raises(UserError, match=f"^{'.'.join(map(str, path))} must be a finite number, given"):
                build_config(changed(whole, path, bad))
        with pytest.raises(UserError):  # its own range, or what numpy and torch can hold
            build_config(changed(whole, path, 2**70))


@pytest.mark.parametrize(
    "override",
    [
        "data.labels.values=[1.0,nan,3.0]",
        "+loss.weights={sport: inf}",
        "+compare.margin={accuracy: nan}",
        "train.evaluate_at=[0.5,inf]",
    ],
)
def test_numbers_in_lists_and_mappings_are_finite_too(override: str) -> None:
    with pytest.raises(UserError, match="must be a finite number, given"):
        build_config(plain(override))


@pytest.mark.parametrize("key", ["seed", "data.seed"])
@pytest.mark.parametrize("bad", [-1, 2**32, 2**64, 10**5000], ids=["negative", "33 bits", "65 bits", "endless"])
def test_a_seed_that_libraries_do_not_take_is_refused(key: str, bad: int) -> None:
    path = tuple(key.split("."))
    with pytest.raises(UserError, match=f"^{key} must be a whole number from 0 to {LARGEST_SEED}, given"):
        build_config(changed(plain(), path, bad))
    assert build_config(changed(plain(), path, LARGEST_SEED))


@pytest.mark.parametrize("taken", [{"a": True, "b": None, "c": "nan"}, {"seeds": [0, 1]}, {"seed": None}, [-1, 2.5]])
def test_what_is_no_such_number_passes(taken: Any) -> None:
    require_numbers(taken, "")


def test_the_sweeper_and_the_launchers_are_held_to_it() -> None:
    from hydra_plugins.headtohead_launchers.local import LocalLauncher

    with pytest.raises(UserError, match=r"hydra\.launcher\.timeout_min must be a finite number, given nan"):
        LocalLauncher(timeout_min=math.nan)
    with pytest.raises(UserError, match=r"hydra\.sweeper\.margin\.accuracy must be a finite number"):
        require_numbers({"margin": {"accuracy": math.inf}}, "hydra.sweeper")
