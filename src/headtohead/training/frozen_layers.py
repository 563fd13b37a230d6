"""The lowest layers of a trunk, which nothing trains, run once for each row: their states are kept and read again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, runtime_checkable

import torch
import transformers
from jaxtyping import Float
from torch import Tensor, nn

from headtohead.batching.batch import Batch, pad_right
from headtohead.batching.sequence_packing import PackedRows
from headtohead.errors import UserError

MOST_TOKENS = 8192
"""Read at once to compute states that are missing."""
INTEGERS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
"""By the bytes of a value."""


@runtime_checkable
class States(Protocol):
    """Where states are kept, by row."""

    def __contains__(self, row: str) -> bool: ...

    def get(self, row: str) -> Float[Tensor, "tokens features"]:
        """Return the states of a row that is kept."""
        ...

    def put(self, row: str, states: Float[Tensor, "tokens features"]) -> None:
        """Keep the states of a row."""
        ...


class InMemory(dict[str, Tensor]):
    """Keeps states for as long as this process lives."""

    put = dict.__setitem__
    get = dict.__getitem__  # type: ignore[assignment]


class FrozenLayers:
    """Stands in for the lowest layers of a trunk that reads packed rows.

    Args:
        trunk: with adapters in place; nothing below the lowest of them may be random.
        open_states: given the number of frozen layers, where their states are kept.

    Raises:
        UserError: every layer is trained.
    """

    def __init__(self, trunk: nn.Module, open_states: Callable[[int], States]) -> None:
        self._trunk, self._layers = trunk, layer_list(trunk)
        count = frozen_count(self._layers)
        embedding = trunk.get_input_embeddings()  # type: ignore[operator]
        if count == 0 or any(parameter.requires_grad for parameter in embedding.parameters()):
            raise UserError(
                "train.frozen_states keeps what the layers below the lowest trained one answer, and here every layer is "
                "trained: lower lora.top_layers, set lora=frozen, or train.frozen_states=recompute"
            )
        self._frozen = list(self._layers[:count])
        probed = self._probe()
        self._returns_tuple = probed.in_tuple
        self._features, self._dtype = probed.hidden.shape[-1], probed.hidden.dtype
        self._states = open_states(count)

    @contextmanager
    def replaced(self, packed: PackedRows, batch: Batch) -> Iterator[None]:
        """Within the block the lowest layers return what they returned for these rows before."""
        states = self._read(packed, batch)
        stand_ins = [_Returns(states, layer, self._returns_tuple) for layer in self._frozen]
        self._put(stand_ins)
        try:
            yield
        finally:
            self._put(self._frozen)

    def _put(self, layers: Sequence[nn.Module]) -> None:
        for number, layer in enumerate(layers):
            self._layers[number] = layer

    def _read(self, packed: PackedRows, batch: Batch) -> Float[Tensor, "1 tokens features"]:
        ids = batch.input_ids.flatten().cpu()
        rows = [row for group in packed.groups if not group.is_filler for row in ids[group.places].tolist()]
        names = [name_of(row) for row in rows]
        self._compute({name: row for name, row in zip(names, rows, strict=True) if name not in self._states})
        kept = iter(names)
        parts = [
            self._filler(group.tokens) if group.is_filler else self._states.get(next(kept))
            for group in packed.groups
            for _ in range(len(group.places))
        ]
        return torch.cat(parts).to(batch.input_ids.device)[None]

    def _filler(self, tokens: int) -> Float[Tensor, "tokens features"]:
        """Nobody reads what stands in for padding."""
        return torch.zeros(tokens, self._features, dtype=self._dtype)

    @torch.no_grad()
    def _compute(self, missing: dict[str, list[int]]) -> None:
        while missing:
            part: dict[str, list[int]] = {}
            while missing and (not part or sum(map(len, part.values())) < MOST_TOKENS):
                name, row = missing.popitem()
                part[name] = row
            for name, states in zip(part, self._states_of(list(part.values())), strict=True):
                self._states.put(name, states.cpu().clone())  # a view would keep the whole batch

    def _states_of(self, rows: list[list[int]]) -> list[Tensor]:
        batch = pad_right(rows, 0, next(self._trunk.parameters()).device)
        packed = PackedRows.of(batch, 1)
        padded = packed.padded(self._reached(packed.trunk_inputs(batch)).hidden)
        return [padded[number, : len(row)] for number, row in enumerate(rows)]

    def _reached(self, inputs: dict[str, Any]) -> _Reached:
        """Run the frozen layers alone."""
        hook = self._frozen[-1].register_forward_hook(_reach)
        try:
            self._trunk(**inputs, return_dict=True)
        except _Reached as reached:
            return reached
        finally:
            hook.remove()
        raise AssertionError("the trunk passes its frozen layers by")

    @torch.no_grad()
    def _probe(self) -> _Reached:
        """Return what a layer of this architecture returns."""
        batch = pad_right([[0]], 0, next(self._trunk.parameters()).device)
        return self._reached(PackedRows.of(batch, 1).trunk_inputs(batch))


def layer_list(trunk: nn.Module) -> nn.ModuleList:
    """Return the layers of a trunk, lowest first."""
    count = trunk.config.get_text_config().num_hidden_layers  # type: ignore[union-attr,operator]
    return next(m for m in trunk.modules() if isinstance(m, nn.ModuleList) and len(m) == count)


def frozen_count(layers: nn.ModuleList) -> int:
    """Return how many layers stand below the lowest that is trained."""
    trained = (any(parameter.requires_grad for parameter in layer.parameters()) for layer in layers)
    return next((number for number, is_trained in enumerate(trained) if is_trained), len(layers))


def fingerprint_of(trunk: nn.Module) -> str:
    """Return what tells one trunk from another, wherever it came from: configuration, library and weights.

    Of every tensor some values are hashed, and the sum and the sum of squares of all, as whole numbers: those of fractions
    depend on how many threads add them up.
    """
    digest = hashlib.blake2b(digest_size=12)
    about = {**trunk.config.to_diff_dict(), "_name_or_path": None}  # type: ignore[union-attr,operator]
    libraries = [transformers.__version__, torch.__version__]
    digest.update(json.dumps([about, *libraries], sort_keys=True, default=str).encode())
    for name, tensor in trunk.state_dict().items():
        flat = tensor.detach().flatten()
        some = flat[:: max(1, flat.numel() // 256)].cpu().contiguous()
        sums = [0, 0]
        for part in flat.split(2**22):  # of a large tensor they would not fit
            bits = part.view(INTEGERS[part.element_size()]).long()
            sums = [sums[0] + int(bits.sum()), sums[1] + int(bits.square().sum())]
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype} {sums}".encode())
        digest.update(some.view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def name_of(row: list[int]) -> str:
    """Return what a row's states are kept under: a hash of its tokens."""
    return hashlib.blake2b(torch.tensor(row, dtype=torch.int32).numpy().tobytes(), digest_size=16).hexdigest()


class _Returns(nn.Module):
    """Returns states, whatever it is given; is otherwise like the layer in whose place it stands."""

    def __init__(self, states: Tensor, layer: nn.Module, in_tuple: bool) -> None:
        super().__init__()
        self._states, self._in_tuple = states, in_tuple
        self.__dict__["layer"] = layer  # not a module of this one

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(self.__dict__["layer"], name)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Return them."""
        return (self._states,) if self._in_tuple else self._states


class _Reached(Exception):
    """The states that were wanted are there; the layers above need not run."""

    def __init__(self, hidden: Tensor, in_tuple: bool) -> None:
        self.hidden, self.in_tuple = hidden, in_tuple


def _reach(layer: nn.Module, inputs: Any, output: Any) -> None:
    in_tuple = isinstance(output, tuple)
    raise _Reached(output[0] if in_tuple else output, in_tuple)
