"""PyTorch's private API, asked by name, and the CPU attention operator against its public fallback."""

from __future__ import annotations

import pytest
import torch

from headtohead.internals import torch_internals
from headtohead.internals.torch_internals import attention_with_sums, public_attention_with_sums

OPERATOR = "_scaled_dot_product_flash_attention_for_cpu"


def states(dtype: torch.dtype, length: int = 7, seen: int = 19) -> list[torch.Tensor]:
    """Query, key and value of 3 rows and 2 heads with 16 features."""
    draws = torch.Generator().manual_seed(0)
    return [torch.randn(3, 2, tokens, 16, generator=draws).to(dtype) for tokens in (length, seen, seen)]


def added_mask(dtype: torch.dtype, length: int = 7, seen: int = 19) -> torch.Tensor:
    """Hide from each token the last ones, another number in each row."""
    hidden = torch.arange(seen) > torch.tensor([5, 11, 18])[:, None, None, None] + torch.zeros(length, 1)
    return torch.zeros(3, 1, length, seen).masked_fill(hidden, -torch.inf).to(dtype)


def test_the_cpu_attention_operator_is_there_by_name_and_signature():
    schema = getattr(torch.ops.aten, OPERATOR).default._schema
    assert {"query", "key", "value", "attn_mask", "scale"} <= {argument.name for argument in schema.arguments}
    assert len(schema.returns) == 2


@pytest.mark.parametrize("name", ["_is_amx_tile_supported", "_is_avx512_bf16_supported"])
def test_a_cpu_s_instructions_are_asked_by_name(name: str):
    assert getattr(torch.cpu, name)() in (True, False)


@pytest.mark.parametrize("scaling", [None, 0.3])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.bfloat16, 2e-2)])
def test_public_operators_attend_as_the_private_one_to_rounding(
    dtype: torch.dtype, tolerance: float, masked: bool, scaling: float | None
):
    mask = added_mask(dtype) if masked else None
    private = attention_with_sums(*states(dtype), mask, scaling)
    public = public_attention_with_sums(*states(dtype), mask, scaling)
    for one, other in zip(private, public, strict=True):
        assert one.dtype == other.dtype
        torch.testing.assert_close(one, other, atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize("has_operator", [True, False])
def test_sums_put_two_halves_of_the_keys_together(has_operator: bool, monkeypatch: pytest.MonkeyPatch):
    if not has_operator:
        monkeypatch.setattr(torch_internals, "_flash_attention_for_cpu", lambda: None)
    q, k, v = states(torch.float32)
    whole, whole_sums = attention_with_sums(q, k, v, None, None)
    halves = [attention_with_sums(q, k[:, :, part], v[:, :, part], None, None) for part in (slice(9), slice(9, None))]
    (near, near_sums), (far, far_sums) = halves
    torch.testing.assert_close(torch.lerp(near, far, torch.sigmoid(far_sums - near_sums)[..., None]), whole)
    torch.testing.assert_close(torch.logaddexp(near_sums, far_sums), whole_sums)


def test_an_operator_that_is_gone_is_found_missing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.ops, "aten", torch.ops.headtohead_has_no_operators)
    assert torch_internals._flash_attention_for_cpu() is None
    assert attention_with_sums(*states(torch.float32), None, None)[0].shape == (3, 2, 7, 16)


def test_instructions_nobody_can_tell_count_as_missing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch, "cpu", object())
    assert torch_internals.cpu_runs_bf16_natively() is False
