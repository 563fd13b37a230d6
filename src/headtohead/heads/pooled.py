"""Linear readouts of a pooled hidden state: transformers' own for the architecture, or ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from headtohead.adapters import keyed_generator
from headtohead.batching.attention import CAUSAL
from headtohead.batching.batch import Batch, pad_right
from headtohead.heads.shell import make_shell


class NativeHead:
    """The readout of ``AutoModelForSequenceClassification``, run by the library's own code."""

    extra_tokens = 0

    def __init__(self, model: Any, *, width: int, new_weights: list[str], seed: int) -> None:
        self.width = width
        self.device = next(model.parameters()).device
        self.pad_id: int = model.config.pad_token_id
        self._architecture: str = model.config.model_type
        self.shell, self._trunk = make_shell(model, copy_head=True)
        quantised = [name for name, module in self.shell.named_modules() if "bitsandbytes" in type(module).__module__]
        assert not quantised, f"the head's {quantised} are quantised"
        self.shell.requires_grad_(True)
        _initialise(self, new_weights, std=getattr(model.config, "initializer_range", 0.02), seed=seed)

    def batch(self, prompts: list[list[int]]) -> Batch:
        """Pad the prompts."""
        return pad_right(prompts, self.pad_id, self.device)

    def skips(self, beginning: list[int]) -> list[int]:
        """Nothing: the library's readout may look at every token."""
        return []

    def scores(self, outputs: Any, batch: Batch) -> Float[Tensor, "rows width"]:
        """Run the library's readout on the trunk's outputs."""
        with self._trunk.answering(_as_fp32(outputs)), _in_fp32(self.device):
            logits: Tensor = self.shell(input_ids=batch.input_ids, attention_mask=batch.attention_mask).logits
        return logits

    @property
    def reads_one_state(self) -> bool:
        """Where the library's readout is known to: a decoder's of the last token, BERT's of the first."""
        return self._architecture in (*CAUSAL, "bert")

    def readout_states(self, outputs: Any, batch: Batch) -> Float[Tensor, "rows 1 features"]:
        """Return the state that the library's readout picks."""
        if self._architecture == "bert":
            picked: Tensor = outputs.last_hidden_state[:, :1]
            return picked
        places = torch.arange(batch.length, device=batch.input_ids.device)
        last = (places * (batch.input_ids != self.pad_id)).argmax(dim=1)
        return outputs.last_hidden_state[torch.arange(batch.rows, device=last.device), last].unsqueeze(1)

    def named_parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        """Everything outside the trunk."""
        return self.shell.named_parameters()


class PooledHead:
    """Pool the last, first or mean hidden state in fp32, by attention mask, then one linear layer."""

    extra_tokens = 0
    reads_one_state = True

    def __init__(self, model: Any, *, pooling: str, width: int, seed: int) -> None:
        self.width, self.pooling = width, pooling
        parameter = next(model.parameters())
        self.device = parameter.device
        self.pad_id: int = model.config.pad_token_id
        self.linear = nn.Linear(model.config.get_text_config().hidden_size, width, device=self.device)
        std = getattr(model.config, "initializer_range", 0.02)
        _initialise(self, [name for name, _ in self.named_parameters()], std=std, seed=seed)

    def batch(self, prompts: list[list[int]]) -> Batch:
        """Pad the prompts."""
        return pad_right(prompts, self.pad_id, self.device)

    def skips(self, beginning: list[int]) -> list[int]:
        """All of it, where only the last token is read."""
        return beginning if self.pooling == "last" else []

    def scores(self, outputs: Any, batch: Batch) -> Float[Tensor, "rows width"]:
        """Pool and multiply."""
        with _in_fp32(self.device):
            logits: Tensor = self.linear(pool(outputs.last_hidden_state, batch.attention_mask, self.pooling))
        return logits

    def readout_states(self, outputs: Any, batch: Batch) -> Float[Tensor, "rows 1 features"]:
        """Pool: one state pooled is itself."""
        return pool(outputs.last_hidden_state, batch.attention_mask, self.pooling).unsqueeze(1)

    def named_parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        """The linear layer's weight and bias."""
        return self.linear.named_parameters()


def _as_fp32(outputs: Any) -> Any:
    """Return outputs with fp32 values; those that have them are not made anew, which takes longer than a small head."""
    if all(value.dtype == torch.float32 for value in outputs.values()):
        return outputs
    return type(outputs)(**{name: value.float() for name, value in outputs.items()})


def _in_fp32(device: torch.device) -> AbstractContextManager[Any]:
    """A head is fp32 also where the trunk's products are bf16 by autocast: full fine-tuning in bf16."""
    return torch.autocast(device.type, enabled=False) if torch.is_autocast_enabled(device.type) else nullcontext()


def pool(
    hidden: Float[Tensor, "rows length features"], mask: Int[Tensor, "rows length"], pooling: str
) -> Float[Tensor, "rows features"]:
    """Pool hidden states over real tokens, in fp32 and right for either padding side.

    bf16 sums over a row lose most of the signal: accuracy .215 instead of .96 on frozen features of a 135 M model.
    """
    hidden = hidden.float()
    positions = torch.arange(mask.shape[1], device=mask.device)
    rows = torch.arange(mask.shape[0], device=mask.device)
    match pooling:
        case "last":
            return hidden[rows, (positions * mask).argmax(dim=1)]
        case "cls":
            return hidden[rows, mask.argmax(dim=1)]
        case "mean":
            weights = mask.unsqueeze(-1).float()
            return (hidden * weights).sum(dim=1) / weights.sum(dim=1)
        case _:
            raise AssertionError(pooling)


def _initialise(head: NativeHead | PooledHead, new_weights: list[str], *, std: float, seed: int) -> None:
    """Draw weights the checkpoint lacks: normal as transformers does, biases 0, norms 1; by the trial's own seed."""
    for name, parameter in head.named_parameters():
        if name not in new_weights:
            continue
        if parameter.dim() < 2:
            parameter.data.fill_(1.0 if name.endswith("weight") else 0.0)
        else:
            drawn = torch.empty(parameter.shape)
            drawn.normal_(0.0, std, generator=keyed_generator(f"{seed}/head/{name}", torch.device("cpu")))
            parameter.data.copy_(drawn)
