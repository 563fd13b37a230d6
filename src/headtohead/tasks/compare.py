"""Judge arms of finished runs by their stored predictions; nothing is trained or loaded."""

from __future__ import annotations

import glob
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from headtohead import atomic
from headtohead.comparisons.cheap_baselines import cheap_baselines
from headtohead.comparisons.finished_run import FinishedRun, load_run, refuse_moved_test_rows
from headtohead.comparisons.fold_runs import Fold, cross_validated_arm, fold_of, is_cross_validated
from headtohead.comparisons.interim_looks import looks_at, looks_in_words
from headtohead.comparisons.settings_diff import settings_in_words, settings_of_arms
from headtohead.comparisons.tuning_history import STUDY, read_study, tunings_of
from headtohead.comparisons.verdict_table import print_verdict
from headtohead.config import CompareConfig
from headtohead.errors import UserError
from headtohead.reporting.sweeps import write_sweep_report
from headtohead.results import run_folder
from headtohead.results.record import json_ready
from headtohead.statistics import Arm, Failures, Tuning, Verdict, failures_in_words, failures_of, judge
from headtohead.statistics.draws import alike
from headtohead.statistics.pairing import refuse_paired_folds

VERDICT = "verdict.json"
Entries = Mapping[str, Sequence[Sequence[Path]]]


def compare_runs(config: CompareConfig, folder: Path) -> Verdict:
    """Judge the configured arms; write ``verdict.json`` and the page into ``folder`` and print the verdict.

    Raises:
        UserError: an unknown folder, an unfinished run, arms that share a run, other rows, or an undefined metric.
    """
    found = {name: [_find(name, entry) for entry in listed] for name, listed in config.arms.items()}
    _refuse_overlap(found)
    verdict = judge_runs(found, config, folder)
    print(f"page: {write_sweep_report(folder)}")
    return verdict


def judge_runs(arms: Entries, config: CompareConfig, folder: Path) -> Verdict:
    """Judge arms whose run folders are known; write ``verdict.json`` into ``folder`` and print it.

    Args:
        arms: name to entries, each the folders of its runs.
        config: how; its own ``arms`` are not read.
        folder: of the verdict, and of an earlier one, whose looks count.

    Raises:
        UserError: an unfinished run, other rows, or an undefined metric.
    """
    loaded = {
        name: [[load_run(path, config.split) for path in entry] for entry in entries] for name, entries in arms.items()
    }
    flat = {name: [run for entry in entries for run in entry] for name, entries in loaded.items()}
    tunings = {name: tunings_of([run.folder for run in runs]) for name, runs in flat.items()}
    looks = looks_at(
        folder / VERDICT,
        {name: [run.record.fingerprint for run in runs] for name, runs in flat.items()},
        _asked(config),
        alpha=config.alpha,
        planned=config.looks,
    )
    by_folds = any(is_cross_validated(runs) for runs in flat.values())
    if by_folds:
        refuse_paired_folds(config.pairing, "compare.pairing")
    else:
        refuse_moved_test_rows([run for runs in flat.values() for run in runs])
    verdict = judge(
        [
            cross_validated_arm(name, flat[name], _trials(tunings[name]))
            if by_folds
            else _arm(name, entries, config.entries, tunings[name])
            for name, entries in loaded.items()
        ],
        metric=config.metric,
        margin=config.margin,
        alpha=config.alpha,
        looks=max(config.looks, len(looks)),
        next_looks=max(config.looks, len(looks) + 1),
        costs={name: mean_cost(runs, config.split) for name, runs in flat.items()},
        pairing=config.pairing,
        cheap=cheap_baselines(flat, config.split, cross_validated_arm if by_folds else None),
    )
    failures = {name: _failures(runs) for name, runs in flat.items()}
    unit = (
        "seeds" if not by_folds and all(len({run.seeds[1] for run in runs}) == 1 for runs in flat.values()) else "runs"
    )
    said = [*failures_in_words(failures, unit=unit), _other_tests(flat, config), looks_in_words(looks)]
    verdict = replace(verdict, sentences=[*verdict.sentences, *(f"{each}." for each in said if each)])
    settings = settings_of_arms({name: [run.record.config for run in runs] for name, runs in flat.items()})
    about = {
        "split": config.split,
        "settings": settings,
        "varied": _varied(flat),
        "runs": {name: _about(runs, config.split, verdict.metric) for name, runs in flat.items()},
        "tuning": {name: [asdict(tuning) for tuning in found] for name, found in tunings.items()},
        "failures": {name: found.as_dict() for name, found in failures.items()},
        "looks_taken": [asdict(look) for look in looks],
    }
    atomic.write_json(folder / VERDICT, json_ready(verdict.as_dict() | about))
    print_verdict(verdict, folder / VERDICT, tunings, settings_in_words(settings))
    return verdict


def _asked(config: CompareConfig) -> dict[str, Any]:
    """Return what a look is about, beside its runs; pairing where it was asked for, as earlier looks know none."""
    asked = {"metric": config.metric, "split": config.split, "margin": config.margin}
    return asked if config.pairing == "none" else asked | {"pairing": config.pairing}


def _other_tests(arms: Mapping[str, Sequence[FinishedRun]], config: CompareConfig) -> str | None:
    """Say that a verdict is about one test set, where every run was scored on several: one verdict each, at its share."""
    runs = [run for own in arms.values() for run in own]
    others = [split for split in runs[0].other_tests if all(split in run.other_tests for run in runs)]
    if not others:
        return None
    sets = len(others) + 1
    told = f"These runs were scored on {', '.join(others)} too: each test set has a verdict of its own (compare.split)"
    if config.looks >= sets:
        return told
    return (
        f"{told}, and of {sets} that are judged together each takes its share of the error rate (compare.looks={sets})"
    )


def _find(arm: str, entry: str) -> list[Path]:
    """Return the run folders that a path or a glob names; of a sweep of one configuration, all its runs."""
    found = [path for match in sorted(glob.glob(entry, recursive=True)) for path in _of_sweep(arm, Path(match))]
    runs = [path for path in found if (path / run_folder.RECORD).is_file()]
    if runs:
        return list(dict.fromkeys(path.resolve() for path in runs))
    what = f"{len(found)} matches, none of them a run folder" if found else "nothing is there"
    raise UserError(f"compare.arms.{arm}: {entry!r} names no run ({what}); give folders that hold {run_folder.RECORD}")


def _of_sweep(arm: str, folder: Path) -> list[Path]:
    """Return the runs of a sweep's one configuration; any other folder is returned as it is.

    Raises:
        UserError: a sweep of several.
    """
    if (folder / run_folder.RECORD).is_file() or not (folder / STUDY).is_file():
        return [folder]
    study = read_study(folder / STUDY)
    completed = [trial for trial in study["trials"] if trial["state"] == "complete"]
    if len(completed) == 1:
        return [folder / run for run in completed[0]["runs"]]
    entries = (trial["runs"][0] if len(trial["runs"]) == 1 else f"{trial['folder']}/*" for trial in completed[:3])
    listed = ", ".join(f"'{folder / entry}'" for entry in entries)
    raise UserError(
        f"compare.arms.{arm}: {folder} is a sweep of {len(completed)} completed configurations; give the runs of one of them"
        + (f", such as {listed}" if listed else "")
    )


def _refuse_overlap(entries: Entries) -> None:
    owner: dict[Path, str] = {}
    for name, listed in entries.items():
        for path in (path for entry in listed for path in entry):
            if path in owner:
                where = f"arms {owner[path]!r} and {name!r}" if owner[path] != name else f"two entries of arm {name!r}"
                raise UserError(f"compare.arms: {path} is in {where}; a run belongs to one")
            owner[path] = name


def _arm(name: str, entries: Sequence[Sequence[FinishedRun]], kind: str, tunings: Sequence[Tuning]) -> Arm:
    by_configuration: dict[str, list[FinishedRun]] = {}
    for number, entry in enumerate(entries):
        for run in entry:
            key = run.configuration if kind == "runs" else str(number)
            by_configuration.setdefault(key, []).append(run)
    for runs in by_configuration.values():
        if len({run.configuration for run in runs}) > 1:
            raise UserError(
                f"compare.arms.{name}: a tuning's confirmed runs share one configuration, those in {runs[0].folder.parent} "
                "do not; give one entry per tuning, or set compare.entries=runs"
            )
        _refuse_same_seed(name, runs)
    configurations = [[run.predictions for run in runs] for runs in by_configuration.values()]
    folders = [str(run.folder) for runs in by_configuration.values() for run in runs]
    draws = [[run.draw for run in runs] for runs in by_configuration.values()]
    return Arm(
        name=name,
        configurations=configurations,
        tuned=kind == "tunings",
        trials=_trials(tunings),
        folders=folders,
        draws=alike(draws),
    )


def _trials(tunings: Sequence[Tuning]) -> int | None:
    return max((tuning.trials for tuning in tunings), default=None)


def _failures(runs: Sequence[FinishedRun]) -> Failures:
    """Return which runs failed, by what they differ in."""
    return failures_of([run.predictions for run in runs], called(runs))


def called(runs: Sequence[FinishedRun]) -> list[str]:
    """Return a name for each run of an arm, in words: its fold where it is one of several, seed and data seed where these vary."""
    folds, seeds, samples = (len(set(of)) > 1 for of in zip(*map(_place, runs), strict=True))
    has_own_seed = folds and len(set(map(_place, runs))) == len({_place(run)[0] for run in runs})
    named = []
    for fold, seed, sample in map(_place, runs):
        words = [f"repeat {fold.repeat} fold {fold.fold}"] if folds and fold else []
        words += [f"seed {seed}"] if not has_own_seed and (seeds or not folds) else []
        words += [f"data.seed {sample}"] if samples else []
        named.append(", ".join(words))
    return named


def _place(run: FinishedRun) -> tuple[Fold | None, Any, Any]:
    return fold_of(run), run.seeds[0], run.seeds[1]


def _refuse_same_seed(arm: str, runs: Sequence[FinishedRun]) -> None:
    seen: dict[tuple[Any, Any], Path] = {}
    for run in runs:
        if run.seeds in seen:
            raise UserError(
                f"compare.arms.{arm}: {seen[run.seeds]} and {run.folder} are one configuration with one seed "
                f"(seed={run.seeds[0]}, data.seed={run.seeds[1]}): a repetition is no evidence; leave one out"
            )
        seen[run.seeds] = run.folder


def mean_cost(runs: Sequence[FinishedRun], split: str) -> dict[str, float]:
    """Return the mean cost of an arm's runs, by kind; a kind that some run lacks is left out."""
    found = [_cost(run, split) for run in runs]
    return {
        kind: float(np.mean([cost[kind] for cost in found]))
        for kind in found[0]
        if all(cost[kind] is not None for cost in found)
    }


def _cost(run: FinishedRun, split: str) -> dict[str, Any]:
    """Return what a run cost by itself: rows that are read once for many runs count as if they had been for it alone."""
    cost = run.record.cost
    seconds, tokens, once = (cost.get(kind) or {} for kind in ("seconds", "tokens", "read_once"))
    scoring = _sum(seconds.get(f"score {split}"), once.get(split))
    return {
        "train_seconds": _sum(seconds.get("train"), once.get("train")),
        "train_tokens": tokens.get("train"),
        "peak_memory_bytes": cost.get("peak_memory_bytes"),
        "trainable_parameters": cost.get("trainable_parameters"),
        "seconds_per_1000_rows": None if scoring is None else 1000 * scoring / len(run.predictions),
    }


def _sum(seconds: float | None, more: float | None) -> float | None:
    return None if seconds is None else seconds + (more or 0.0)


def _varied(arms: Mapping[str, Sequence[FinishedRun]]) -> dict[str, list[str]]:
    """Say per arm which seeds its runs differ in: initialisation and order (seed), subset and split (data.seed)."""
    return {
        name: [key for place, key in enumerate(("seed", "data.seed")) if len({run.seeds[place] for run in runs}) > 1]
        for name, runs in arms.items()
    }


def _about(runs: Sequence[FinishedRun], split: str, metric: str) -> list[dict[str, Any]]:
    return [
        {
            "folder": str(run.folder),
            "fingerprint": run.record.fingerprint,
            "seed": run.seeds[0],
            "data_seed": run.seeds[1],
            "fold": asdict(fold) if (fold := fold_of(run)) else None,
            "value": (run.record.metrics.get(split, {}).get(metric) or {}).get("value"),
            "test_reads": run.record.test_reads,
        }
        for run in runs
    ]
