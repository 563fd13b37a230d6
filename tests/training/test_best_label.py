"""Naming the best label reads fewer tokens than scoring all, and names the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from headtohead.batching.batch import Batch
from headtohead.config import PromptConfig
from headtohead.errors import Diverged
from headtohead.training import score
from headtohead.training.best_label import BestLabel, can_search
from headtohead.training.scoring import read_beginning
from tiny_runs import FrozenConfig, TinyRun, config_of, labels_of, made_up_texts

LONG = "These are the topics that there are to choose from, and one of them alone is right. Text: {text}\nAnswer:"
SHORT = "Text: {text}\nAnswer:"
SEVERAL = ("sport", "sports car", "sport of kings", "world news", "world", "tech")
SINGLE = ("market", "fox", "city")
NUMBERS = ("1", "10", "2", "100")


def make_run(cache: Path, words: tuple[str, ...], template: str, **options: Any) -> TinyRun:
    prompt = PromptConfig(template=template)
    config = config_of(head="generative", loss="cross_entropy", lora=FrozenConfig(), prompt=prompt, steps=0, **options)
    return TinyRun(cache, config, labels=labels_of(words=words), texts=made_up_texts(24), sharpness=6.0)


def best(run: TinyRun) -> np.ndarray:
    rows = run.rows
    return BestLabel(run.pack).of_prompts(rows.lengths, rows.input_ids)


@pytest.mark.parametrize(
    ("words", "template", "normalisation", "architecture"),
    [
        (SEVERAL, LONG, "none", "llama"),
        (SEVERAL, LONG, "prior", "qwen3"),
        (SEVERAL, SHORT, "prior", "llama"),
        (SINGLE, LONG, "prior", "llama"),
        (SINGLE, SHORT, "none", "qwen3"),
        (NUMBERS, LONG, "none", "qwen3"),
        (NUMBERS, SHORT, "prior", "llama"),
    ],
)
def test_is_the_arg_max_of_all_scores(
    cache: Path, words: tuple[str, ...], template: str, normalisation: str, architecture: str
) -> None:
    run = make_run(cache, words, template, architecture=architecture, normalisation=normalisation)
    assert run.scores().std(axis=0).max() > 0.1, "a model that tells texts apart"
    np.testing.assert_array_equal(best(run), run.scores().argmax(axis=1))


def test_labels_of_one_token_are_read_with_their_prompts(cache: Path) -> None:
    run = make_run(cache, SINGLE, LONG)
    assert tokens_read(run, lambda: best(run)) == tokens_read(run, run.scores)


def test_fewer_tokens_are_read_than_to_score_all(cache: Path) -> None:
    """A random model is sure of no continuation, so only labels of one token rule others out."""
    run = make_run(cache, ("fox", "dog", "city", "film", "vote", "phone"), LONG)
    assert tokens_read(run, lambda: best(run)) < tokens_read(run, run.scores)


def tokens_read(run: TinyRun, work: Callable[[], object]) -> int:
    """Count the tokens that the trunk reads."""
    counts: list[int] = []
    hook = run.pack.trunk.register_forward_pre_hook(
        lambda module, args, kwargs: counts.append(kwargs["input_ids"].numel()), with_kwargs=True
    )
    work()
    hook.remove()
    return sum(counts)


def test_what_has_no_bound_is_not_searched(cache: Path) -> None:
    assert can_search(make_run(cache, SEVERAL, LONG).pack)
    assert not can_search(make_run(cache, SEVERAL, LONG, normalisation="length").pack)
    assert not can_search(TinyRun(cache, config_of()).pack)


def test_not_a_number_is_no_label(cache: Path) -> None:
    run = make_run(cache, SEVERAL, LONG)
    with torch.no_grad():
        run.pack.trunk.norm.weight.fill_(float("nan"))
    with pytest.raises(Diverged, match="NaN"):
        best(run)


def test_by_halves_where_memory_runs_out(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(cache, SEVERAL, LONG)
    expected, read = best(run), run.pack.read_packed

    def small(batch: Batch, *arguments: Any, **options: Any) -> Any:
        if batch.rows > 5:
            raise RuntimeError("CUDA out of memory (made up)")
        return read(batch, *arguments, **options)

    monkeypatch.setattr(run.pack, "read_packed", small)
    np.testing.assert_array_equal(best(run), expected)


@pytest.mark.slow
def test_a_pack_reads_its_beginning_once_for_each_trial(cache: Path) -> None:
    """With adapters that have learnt, and beside a head that reads all tokens: nothing is shared then."""
    prompt = PromptConfig(template=LONG)
    generative = [config_of(head="generative", prompt=prompt, seed=seed, learning_rate=1e-2) for seed in (0, 1)]
    last, mean = (config_of(prompt=prompt, pooling=pooling) for pooling in ("last", "mean"))
    for configs, count in ((generative, 1), ([*generative, last], 1), ([*generative, mean], 0)):
        run = TinyRun(cache, configs)
        for _ in range(3):
            run.pack.step()
            run.pack.drop_gradients()
        read = read_beginning(run.pack, run.rows.lengths, run.rows.input_ids, list(range(len(configs))))
        assert (read is not None) == bool(count)
        shared = score(run.pack, run.rows)
        run.pack.shares_beginnings = False
        for one, other in zip(shared, score(run.pack, run.rows), strict=True):
            np.testing.assert_allclose(one, other, atol=1e-5)
        assert np.abs(shared[0] - shared[1]).max() > 1e-3
