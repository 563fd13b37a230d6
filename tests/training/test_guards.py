"""Always on: the head is trainable, unquantised and fp32; every row trains a label; counts equal their closed form."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from headtohead.adapters import TrialWeights
from headtohead.classifiers import build_pack
from headtohead.classifiers.split_scoring import predictions_of
from headtohead.config import PromptConfig
from headtohead.errors import Diverged, UserError
from headtohead.training import load_weights, save_weights
from tiny_runs import FrozenConfig, FullConfig, LoraConfig, TinyRun, config_of, labels_of


class OneWeight:
    """A head with one weight."""

    width, extra_tokens, reads_one_state = 4, 0, True

    def __init__(self, weight: torch.nn.Parameter) -> None:
        self._weight = weight

    def batch(self, prompts: Any) -> Any: ...

    def skips(self, beginning: Any) -> Any: ...

    def scores(self, outputs: Any, batch: Any) -> Any: ...

    def readout_states(self, outputs: Any, batch: Any) -> Any: ...

    def named_parameters(self) -> Any:
        yield "weight", self._weight


def test_a_sound_head_is_registered():
    weights = TrialWeights()
    build_pack._add_head(weights, OneWeight(torch.nn.Parameter(torch.zeros(2))))
    assert weights.count() == 2


def test_a_frozen_head_is_refused():
    with pytest.raises(AssertionError, match="frozen"):
        build_pack._add_head(TrialWeights(), OneWeight(torch.nn.Parameter(torch.zeros(2), requires_grad=False)))


def test_a_rounded_head_is_refused():
    with pytest.raises(AssertionError, match="bfloat16"):
        build_pack._add_head(TrialWeights(), OneWeight(torch.nn.Parameter(torch.zeros(2, dtype=torch.bfloat16))))


def test_a_quantised_head_is_refused():
    weight = torch.nn.Parameter(torch.zeros(2))
    weight.quant_state = object()  # type: ignore[attr-defined]
    with pytest.raises(AssertionError, match="quantised"):
        build_pack._add_head(TrialWeights(), OneWeight(weight))


def test_a_wrong_count_is_refused(cache: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(build_pack, "expected_count", lambda *given: 7)
    with pytest.raises(AssertionError, match="7 by the closed form"):
        TinyRun(cache, config_of())


@pytest.mark.parametrize("architecture", ["llama", "qwen3", "bert", "modernbert"])
@pytest.mark.parametrize("pooling", ["native", "last"])
@pytest.mark.parametrize("quantisation", ["none", "nf4"])
def test_the_head_is_sound_in_every_cell(cache: Path, architecture: str, pooling: str, quantisation: str):
    lora = LoraConfig(rank=2, quantisation=quantisation)
    run = TinyRun(cache, config_of(architecture=architecture, pooling=pooling, lora=lora, precision="bf16", steps=2))
    head = {n: t for n, t in run.pack.trials[0].weights.tensors.items() if n.startswith("head.")}
    assert head
    before = {name: tensor.detach().clone() for name, tensor in head.items()}
    for _ in range(2):
        run.pack.step()
        run.pack.drop_gradients()
    for name, tensor in head.items():
        assert tensor.dtype == torch.float32
        assert not torch.equal(tensor, before[name]), f"{name} is trained"


@pytest.mark.parametrize(("architecture", "pooling"), [("llama", "native"), ("bert", "native"), ("llama", "mean")])
def test_scores_are_fp32_where_the_trunk_is_bf16(cache: Path, architecture: str, pooling: str):
    """Full fine-tuning multiplies in bf16 by autocast, which must not reach the head."""
    config = config_of(
        architecture=architecture, head="regression", pooling=pooling, lora=FullConfig(), precision="bf16"
    )
    scores = TinyRun(cache, config, labels=labels_of("real")).scores()
    rounded = torch.from_numpy(scores).bfloat16().double().numpy()
    assert (scores != rounded).mean() > 0.9


def test_every_row_trains_its_label_and_the_end(cache: Path):
    run = TinyRun(cache, config_of(head="generative"), labels=labels_of(words=("1", "10", "sport", "world news")))
    objective = run.pack.trials[0].objective
    audit = run.readers[0].audit
    assert audit is not None
    targets = run.rows.targets[:9]
    tokens = [len(audit.answers[target]) + 1 for target in targets]
    assert min(tokens) >= 2
    assert objective.divisor(targets) == sum(tokens)
    batch = objective.batch(run.rows.input_ids(np.arange(9)), targets)
    lengths = run.rows.lengths[:9]
    assert (batch.attention_mask.sum(dim=1).numpy() - lengths).tolist() == [count - 1 for count in tokens]


def test_scores_that_are_not_finite_are_no_class(cache: Path):
    run = TinyRun(cache, config_of(lora=FrozenConfig()))
    run.pack.trials[0].weights.tensors["head.score.weight"].data[2] = float("nan")
    with pytest.raises(Diverged, match="not finite"):
        predictions_of(run.rows, run.scores(), run.labels, is_expected_score=False)


@pytest.mark.parametrize("words", [("sport", "politics"), ("sport", "tech", "politics", "business")])
def test_weights_of_other_labels_are_refused(tmp_path: Path, words: tuple[str, ...]):
    path = tmp_path / "trained.safetensors"
    save_weights(path, {"head.weight": torch.ones(4, 2)}, labels=labels_of().names)
    assert torch.equal(load_weights(path, labels=labels_of().names)["head.weight"], torch.ones(4, 2))
    with pytest.raises(UserError, match="not of one run"):
        load_weights(path, labels=labels_of(words=words).names)


def test_weights_that_do_not_say_what_they_answer_are_refused(tmp_path: Path):
    save_file({"head.weight": torch.ones(4, 2)}, tmp_path / "trained.safetensors")
    with pytest.raises(UserError, match="does not say which labels"):
        load_weights(tmp_path / "trained.safetensors", labels=labels_of().names)


def test_flash_attention_is_refused_for_labels_of_several_tokens(cache: Path):
    """Their tree needs a mask that it does not take; labels of one token need none."""
    for words, refused in ((("1", "2"), False), (("sport", "world news"), True)):
        config = config_of(head="generative", prompt=PromptConfig(template="{text}\nAnswer:", answer_start=""))
        run = TinyRun(cache, config, labels=labels_of(words=words))
        config.model.attention = "flash_attention_2"
        with pytest.raises(UserError, match=r"model\.attention=sdpa") if refused else nullcontext():
            build_pack._build_head(config, run.backbone, run.readers[0])
