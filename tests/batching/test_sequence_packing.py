"""Packed rows give the hidden states and gradients of padded ones, whichever way attention is computed."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from transformers import AutoConfig, AutoModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from headtohead.batching import attention
from headtohead.batching.batch import Batch, pad_right
from headtohead.batching.sequence_packing import PackedRows, round_tokens
from headtohead.heads.trie import LabelTrie
from small_trunks import CPU, MODELS, ROWS, SMALL, make_trunk, read, read_packed


def gradients(trunk: Any, hidden: Tensor, real: Tensor) -> list[Tensor]:
    weights = torch.linspace(-1, 1, hidden.shape[-1])
    wanted = [parameter for parameter in trunk.parameters() if parameter.requires_grad]
    found = torch.autograd.grad((hidden[real].sin() * weights).sum(), wanted, allow_unused=True)
    return [gradient for gradient in found if gradient is not None]


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("name", MODELS)
def test_padding_left_out_changes_no_hidden_state_and_no_gradient(name: str) -> None:
    trunk, batch = make_trunk(name), pad_right(ROWS, 0, CPU)
    padded = read(trunk, batch.trunk_inputs(torch.float32))
    expected = gradients(trunk, padded, batch.real)
    assert attention.read_packed_rows(trunk)
    packed = read_packed(trunk, batch)
    torch.testing.assert_close(packed[batch.real], padded[batch.real], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(gradients(trunk, packed, batch.real), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("name", ["llama", "qwen2", "qwen3"])
def test_trees_after_prompts(name: str) -> None:
    trie = LabelTrie.build([(3, 4, 5), (3, 4, 6), (7,), (8, 9)])
    trunk, batch = make_trunk(name), trie.extend(pad_right(ROWS, 0, CPU))
    padded = read(trunk, batch.trunk_inputs(torch.float32))
    assert attention.read_packed_rows(trunk)
    packed = read_packed(trunk, batch)
    torch.testing.assert_close(packed[batch.real], padded[batch.real], atol=1e-5, rtol=1e-5)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("name", ["bert", "llama", "modernbert"])
def test_trials_of_unequal_size_are_filled_up_and_do_not_meet(name: str) -> None:
    trunk = make_trunk(name)
    assert attention.read_packed_rows(trunk)
    both = pad_right(ROWS[:4], 0, CPU)  # two trials of two rows: 30 and 16 tokens
    packed = PackedRows.of(both, 2)
    assert packed.index.shape == (60,)
    assert [tuple(group.places.shape) for group in packed.groups] == [(1, 3), (1, 27), (1, 1), (1, 15), (1, 14)]
    hidden = read_packed(trunk, both, trials=2)
    for trial, rows in enumerate((ROWS[:2], ROWS[2:4])):
        alone = pad_right(rows, 0, CPU)
        own = hidden[2 * trial : 2 * trial + 2, : alone.length]
        torch.testing.assert_close(own[alone.real], read_packed(trunk, alone)[alone.real], atol=1e-5, rtol=1e-5)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("name", MODELS)
def test_more_tokens_than_the_rows_have_change_nothing(name: str) -> None:
    trunk, alone = make_trunk(name), pad_right(ROWS, 0, CPU)
    assert attention.read_packed_rows(trunk)
    expected = read_packed(trunk, alone)
    expected_gradients = gradients(trunk, expected, alone.real)
    packed = PackedRows.of(alone, 1, size=lambda count: 80)
    assert packed.index.shape == (80,)
    hidden = packed.padded(read(trunk, packed.trunk_inputs(alone)))
    torch.testing.assert_close(hidden[alone.real], expected[alone.real], atol=1e-5, rtol=1e-5)
    assert not hidden[~alone.real].any()
    torch.testing.assert_close(gradients(trunk, hidden, alone.real), expected_gradients, atol=1e-4, rtol=1e-4)


@given(st.integers(1, 10**6))
def test_rounded_numbers_of_tokens_are_few_and_near(count: int) -> None:
    rounded = round_tokens(count)
    assert count <= rounded <= max(count + 7, count * 9 / 8)
    assert round_tokens(rounded) == rounded


def test_an_octave_has_eight_numbers_of_tokens() -> None:
    assert len({round_tokens(count) for count in range(513, 1025)}) == 8


def test_only_tested_architectures_with_sdpa_are_packed() -> None:
    eager = make_trunk("llama")
    eager.set_attn_implementation("eager")
    assert not attention.read_packed_rows(eager)
    config = AutoConfig.for_model("roberta", **SMALL)  # its positions do not count from 0
    assert not attention.read_packed_rows(AutoModel.from_config(config, attn_implementation="sdpa"))
    assert {architecture for architecture, _ in MODELS.values()} == set(attention.READ_PACKED_ROWS)


@pytest.mark.parametrize("name", ["llama", "qwen2, a window"])
def test_padded_rows_are_continued_as_by_the_model_itself(name: str) -> None:
    """As ``generate`` does: one token more, over keys and values of rows padded on the left."""
    ids = torch.tensor([[0, 0, 5, 6, 7], [9, 8, 7, 6, 5]])
    mask = (ids != 0).long()

    def continued() -> Tensor:
        first = trunk(input_ids=ids, attention_mask=mask, use_cache=True)
        longer = torch.cat([mask, torch.ones(2, 1, dtype=torch.long)], dim=1)
        next_ids = torch.tensor([[4], [3]])
        return trunk(input_ids=next_ids, attention_mask=longer, past_key_values=first.past_key_values).last_hidden_state

    trunk = make_trunk(name)
    expected = continued()
    assert attention.read_packed_rows(trunk)
    torch.testing.assert_close(continued(), expected)


def test_a_mask_is_as_large_as_the_longest_row_not_as_filler() -> None:
    batch = pad_right([*ROWS[:2], [9], [8]], 0, CPU)  # the second trial is filled up by 28 tokens
    packed = PackedRows.of(batch, 2)
    assert max(group.tokens for group in packed.groups) == 28
    assert packed.trunk_inputs(batch)["attention_mask"].shape == (1, 27)


def test_a_packed_model_saves_the_configuration_it_had(tmp_path: Any) -> None:
    trunk = make_trunk("llama")
    trunk.save_pretrained(tmp_path / "before")
    attention.read_packed_rows(trunk)
    trunk.save_pretrained(tmp_path / "after")
    saved = [(tmp_path / name / "config.json").read_text() for name in ("before", "after")]
    assert saved[0] == saved[1]


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("name", ["bert", "llama", "modernbert"])
def test_empty_rows_are_left_out_and_bring_no_nan(name: str) -> None:
    trunk = make_trunk(name)
    assert attention.read_packed_rows(trunk)
    alone = pad_right(ROWS[:2], 0, CPU)
    empty = torch.zeros_like(alone.attention_mask)
    with_empty = Batch(
        input_ids=torch.cat([torch.zeros_like(alone.input_ids), alone.input_ids]),
        attention_mask=torch.cat([empty, alone.attention_mask]),
    )
    expected, hidden = read_packed(trunk, alone), read_packed(trunk, with_empty)
    torch.testing.assert_close(hidden[2:], expected)
    second_trial_alone = read_packed(trunk, with_empty, trials=2)  # the first has no rows at all
    torch.testing.assert_close(second_trial_alone[2:], expected, atol=1e-5, rtol=1e-5)
    found = gradients(trunk, second_trial_alone[2:], alone.real)
    assert all(bool(gradient.isfinite().all()) for gradient in found)


@pytest.mark.parametrize("name", ["bert", "llama", "modernbert"])
@pytest.mark.parametrize(
    ("longest", "autocast", "expected"),
    [(512, False, torch.float32), (512, True, torch.float32), (0, False, torch.bfloat16)],
)
def test_short_rows_in_bf16_are_attended_in_fp32_where_a_backward_pass_follows(
    monkeypatch: pytest.MonkeyPatch, name: str, longest: int, autocast: bool, expected: torch.dtype
) -> None:
    seen = []

    def noted(module: Any, query: Tensor, *states: Any, **options: Any) -> Any:
        seen.append(torch.bfloat16 if torch.is_autocast_enabled("cpu") else query.dtype)
        return sdpa_attention_forward(module, query, *states, **options)

    monkeypatch.setattr(attention, "sdpa_attention_forward", noted)
    monkeypatch.setattr(attention, "LONGEST_IN_FP32", longest)
    trunk, batch = make_trunk(name), pad_right(ROWS, 0, CPU)
    exact = read(trunk, batch.trunk_inputs(torch.float32))
    assert attention.read_packed_rows(trunk)
    if not autocast:
        trunk.to(torch.bfloat16)
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        hidden = read_packed(trunk, batch)
    assert set(seen) == {expected}
    torch.testing.assert_close(hidden[batch.real].float(), exact[batch.real], atol=0.15, rtol=0.05)
    assert all(bool(gradient.isfinite().all()) for gradient in gradients(trunk, hidden, batch.real))
    seen.clear()
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        read_packed(trunk, batch)
    assert set(seen) == {torch.bfloat16}
