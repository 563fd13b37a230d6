"""One or more trials trained over one trunk: their batches are concatenated, the trunk runs once.

Whatever belongs to a trial stays with it: loss, gradient norm, optimiser state, learning rate, random numbers and
failure. A trial that has stopped keeps its rows in the pack, so that its neighbours' numbers stay bit-equal.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from transformers.modeling_outputs import BaseModelOutputWithPoolingAndCrossAttentions

from headtohead.adapters import PackState, forget_outputs, seed_of
from headtohead.batching.batch import Batch
from headtohead.batching.encode import EncodedRows
from headtohead.batching.prefix_cache import Context, Kept
from headtohead.batching.sequence_packing import PackedRows, round_tokens
from headtohead.batching.stack import stack_batches
from headtohead.errors import OutOfMemory, UserError, is_out_of_memory
from headtohead.heads import batch_of_states, slice_outputs
from headtohead.training.frozen_features import Advance, Features
from headtohead.training.frozen_layers import MOST_TOKENS, FrozenLayers
from headtohead.training.optimizer import clip_gradients, set_learning_rate
from headtohead.training.out_of_memory import MemoryLimits
from headtohead.training.processes import Processes
from headtohead.training.schedule import learning_rate
from headtohead.training.trial import Trial

T = TypeVar("T")
TOKENS_AT_ONCE = 1024
"""Of several trials, on a processor in fp32: all of eight trials in one forward were slower (benchmarks/RESULTS.md)."""
STATES_AT_ONCE = 2**25
"""The same in bf16, where more are faster and memory is the limit: numbers in the hidden states of all layers."""


@dataclass(frozen=True, slots=True)
class _Part:
    """What the trunk answered for a trial's rows."""

    outputs: Any
    batch: Batch
    tokens: int
    """Real ones, of prompts and gold answers."""
    padded_tokens: int


class Pack:
    """Trials with the trunk they share.

    Args:
        trunk: hidden states from token ids, adapters in place.
        dtype: of activations, which attention masks must match.
        autocast: dtype of products where weights are fp32 and the hardware multiplies bf16; None elsewhere.
        packs_rows: the trunk reads rows end to end, without padding.
        shares_beginnings: it reads what all rows of a scoring begin with only once.
        frozen: its lowest layers, where what they answer is kept.
        features: of rows, where nothing of the trunk is trained and what it answers is kept.
        limits: what an earlier pack over the trunk has learnt of its memory.
    """

    def __init__(
        self,
        trunk: nn.Module,
        trials: Sequence[Trial],
        state: PackState,
        *,
        processes: Processes,
        dtype: torch.dtype,
        autocast: torch.dtype | None = None,
        packs_rows: bool = False,
        shares_beginnings: bool = False,
        frozen: FrozenLayers | None = None,
        features: Features | None = None,
        limits: MemoryLimits | None = None,
    ) -> None:
        self.trunk, self.trials, self.state, self.processes = trunk, list(trials), state, processes
        self.dtype, self.autocast, self.packs_rows = dtype, autocast, packs_rows
        self.frozen, self.features = frozen, features
        self.device = next(trunk.parameters()).device
        self.shares_beginnings = shares_beginnings and packs_rows and frozen is None  # whose states are of whole rows
        self.limits = limits or MemoryLimits()
        sizes = [trial.config.micro_batch_size for trial in trials]
        known = max(1, self.limits.rows // len(trials)) if self.limits.rows else None
        self.micro_rows = min((size for size in [*sizes, known] if size), default=2**31)

    @property
    def notes(self) -> list[str]:
        """What the pack had to change: a line for each."""
        found = []
        if self.micro_rows < self.limits.tried:
            found.append(
                f"out of memory: {self.micro_rows} rows per forward pass instead of {self.limits.tried}, same effective batch"
            )
        if self.limits.halves_scoring:
            found.append(
                "out of memory while scoring: batches are halved where they do not fit; a smaller train.score_batch_tokens "
                "avoids trying"
            )
        return found

    def step(self) -> list[float]:
        """Take one optimiser step of every trial that is still training; return each trial's loss (nan if stopped)."""
        while True:
            counted = [(trial.progress.tokens, trial.progress.padded_tokens) for trial in self.trials]
            try:
                losses = self._accumulate()
                break
            except RuntimeError as error:  # running out of memory is one
                self._halve_micro_batch(error)
            self._give_memory_back()  # once the error is gone, which holds what was computed
            for trial, counts in zip(self.trials, counted, strict=True):
                trial.progress.tokens, trial.progress.padded_tokens = counts
        try:
            return [self._update(trial, loss) for trial, loss in zip(self.trials, losses, strict=True)]
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            raise UserError(  # half a step cannot be taken again
                "out of memory updating the weights: train fewer (lora=r8 or another small rank), set "
                "train.optimizer=adamw_8bit, or take a smaller model"
            ) from error

    def _accumulate(self) -> list[float]:
        """Run forward and backward over the step's micro-batches; gradients end in the stacks."""
        rows = self._batch_rows()
        divisors = [
            trial.objective.divisor(trial.training_rows.targets[index])
            for trial, index in zip(self.trials, rows, strict=True)
        ]
        own = [index[self.processes.rank :: self.processes.count] for index in rows]
        share = math.ceil(max(len(index) for index in rows) / self.processes.count)
        count = max(1, math.ceil(share / self.micro_rows))  # the same on every process
        losses = [0.0] * len(self.trials)
        for micro in range(count):
            part = slice(micro * self.micro_rows, (micro + 1) * self.micro_rows)
            for trial, loss in enumerate(self._micro_batch([index[part] for index in own], divisors, micro)):
                losses[trial] += loss
        return self.processes.sum_gradients([trial.weights for trial in self.trials], losses)

    def _batch_rows(self) -> list[np.ndarray]:
        """Return the rows that each trial reads next; one that has stopped goes on through its plan.

        So the pack keeps the shape it would have had, and its neighbours every bit of their numbers.
        """
        furthest = max(trial.progress.step for trial in self.trials)
        return [trial.batch_rows(trial.progress.step if trial.is_training else furthest) for trial in self.trials]

    def _micro_batch(self, rows: list[np.ndarray], divisors: list[float], micro: int) -> list[float]:
        """Read a micro-batch of every trial, as many trials at once as is fast, and add to the gradients."""
        self.set_mode(training=True)
        keys = [f"{trial.seed}/{trial.progress.step}/{micro}/{self.processes.rank}" for trial in self.trials]
        self._seed(f"{keys[0]}/trunk")  # the trunk's own dropout
        losses = []
        try:
            for numbers in self._at_once(rows):
                self.state.active = numbers if len(numbers) < len(self.trials) else None
                self.state.keys = [keys[number] for number in numbers]
                losses += self._add_gradients(numbers, rows, divisors)
        finally:
            self.state.active = None
        return losses

    def _seed(self, key: str) -> None:
        """Seed what draws by itself: on a processor alone, where asking every kind of device takes milliseconds."""
        seed = torch.default_generator.manual_seed if self.device.type == "cpu" else torch.manual_seed
        seed(seed_of(key))

    def _at_once(self, rows: list[np.ndarray]) -> list[list[int]]:
        """Return which trials read their rows together, in turn.

        A processor loses time with too many trials' tokens at once; several processes must do the same.
        """
        everyone = list(range(len(self.trials)))
        if self.features or self.device.type != "cpu" or self.processes.count > 1:
            return [everyone]
        parts: list[list[int]] = []
        limit, room = self._tokens_at_once, 0
        for number, (trial, index) in enumerate(zip(self.trials, rows, strict=True)):
            tokens = int(trial.training_rows.lengths[index].sum())
            if not parts or tokens > room:
                parts.append([])
                room = limit
            parts[-1].append(number)
            room -= tokens
        return parts

    @property
    def _tokens_at_once(self) -> int:
        """How many tokens of several trials a processor reads together at most."""
        config = self.trunk.config.get_text_config()  # type: ignore[union-attr,operator]
        of_a_token = config.num_hidden_layers * config.hidden_size
        is_bf16 = self._precision == torch.bfloat16
        return max(TOKENS_AT_ONCE, STATES_AT_ONCE // of_a_token) if is_bf16 else TOKENS_AT_ONCE

    def _add_gradients(self, numbers: list[int], rows: list[np.ndarray], divisors: list[float]) -> list[float]:
        """Run forward and backward over the rows of some trials; return their losses."""
        trials = [self.trials[number] for number in numbers]
        own_rows = [rows[number] for number in numbers]
        outputs, parts = (
            (None, self._kept_parts(trials, own_rows)) if self.features else self._read_parts(trials, own_rows)
        )
        losses = []
        for number, trial, part in zip(numbers, trials, parts, strict=True):
            if part is None or not trial.is_training:
                losses.append(torch.zeros((), device=self.device))
                continue
            targets = trial.training_rows.targets[rows[number]]
            with self.autocast_context():
                losses.append(trial.objective.loss_sum(part.outputs, part.batch, targets) / divisors[number])
            trial.progress.tokens += part.tokens
            trial.progress.padded_tokens += part.padded_tokens
        total = torch.stack(losses).sum()
        if outputs and not any(map(len, rows)):  # with sharded weights, the others' backward pass needs this one's
            total = outputs.last_hidden_state.sum() * 0.0
        if total.requires_grad:
            total.backward()
        return [float(loss.detach()) for loss in losses]

    def _read_parts(self, trials: Sequence[Trial], rows: list[np.ndarray]) -> tuple[Any, list[_Part | None]]:
        """Read each trial's rows through the trunk; return its outputs, and each trial's part of them."""
        batches = [
            trial.objective.batch(trial.training_rows.input_ids(index), trial.training_rows.targets[index])
            if len(index)
            else None
            for trial, index in zip(trials, rows, strict=True)
        ]
        counts = [self._counts(batch) for batch in batches]  # asked later, they would wait for a GPU at work
        outputs, starts = self.read(batches)
        return outputs, [
            None if batch is None else _Part(slice_outputs(outputs, start, batch), batch, *count)
            for batch, start, count in zip(batches, starts, counts, strict=True)
        ]

    def _counts(self, batch: Batch | None) -> tuple[int, int]:
        """Return a batch's real tokens, and those that are read."""
        if batch is None:
            return 0, 0
        tokens = int(batch.attention_mask.sum())
        return tokens, int(batch.real.sum()) if self.packs_rows else batch.rows * batch.length

    def _kept_parts(self, trials: Sequence[Trial], rows: list[np.ndarray]) -> list[_Part | None]:
        """Look each trial's rows up among the features that are kept; trials that read the same rows share a part."""
        found: dict[tuple[str, bytes], _Part | None] = {}
        keys = [(trial.training_rows.key, index.tobytes()) for trial, index in zip(trials, rows, strict=True)]
        for key, trial, index in zip(keys, trials, rows, strict=True):
            if key not in found:
                found[key] = self._kept_part(trial.training_rows, index) if len(index) else None
        return [found[key] for key in keys]

    def _kept_part(self, rows: EncodedRows, index: np.ndarray) -> _Part:
        tokens = int(rows.lengths[index].sum())
        outputs, batch = self.kept(rows, index)
        return _Part(outputs, batch, tokens, tokens)

    def kept(self, rows: EncodedRows, index: np.ndarray) -> tuple[Any, Batch]:
        """Return what heads read for some rows, from the features that are kept."""
        assert self.features is not None
        states = self.features.of(rows, index, self._readout_states, self._read_tokens).to(self.device)
        return BaseModelOutputWithPoolingAndCrossAttentions(last_hidden_state=states), batch_of_states(
            states, self.pad_id
        )

    def read_once(self, rows: EncodedRows, advance: Advance = lambda count, is_read: None) -> float:
        """Read a split ahead, where what the trunk answers to a row is all that is kept of it.

        Returns:
            The seconds that reading its rows took, now or where another run did it.
        """
        assert self.features is not None
        return self.features.read(rows, self._readout_states, self._read_tokens, advance)

    @property
    def _read_tokens(self) -> int:
        """At a time; the same for all that may share what is read, unless less is asked for."""
        return min(MOST_TOKENS, self.trials[0].config.score_batch_tokens)

    @torch.no_grad()
    def _readout_states(self, prompts: list[list[int]]) -> Float[Tensor, "rows 1 features"]:
        """Read prompts through the trunk, for the one state of each that the readout needs."""
        head = self.trials[0].head

        def read(part: list[list[int]]) -> Tensor:
            batch = head.batch(part)
            return head.readout_states(self.read([batch])[0], batch).float().cpu()

        return torch.cat(self.in_parts(prompts, read))

    def _update(self, trial: Trial, loss: float) -> float:
        """Clip and step one trial; a non-finite loss or gradient stops it before the update."""
        if not trial.is_training:
            return math.nan
        trial.weights.take_gradients()
        limit = trial.config.clip_norm or math.inf
        norm = clip_gradients(trial.weights, limit, self.processes)
        if not math.isfinite(loss) or not math.isfinite(norm):
            trial.diverge(f"loss {loss}, gradient norm {norm} at step {trial.progress.step + 1}")
            return loss
        if trial.optimizer is not None:
            set_learning_rate(trial.optimizer, self.rate(trial))
            trial.optimizer.step()
        trial.progress.step += 1
        return loss

    def drop_gradients(self) -> None:
        """Forget the gradients of every trial."""
        for trial in self.trials:
            trial.weights.drop_gradients()

    def rate(self, trial: Trial) -> float:
        """Return the learning rate of a trial's next step."""
        return learning_rate(trial.config, trial.progress.step, trial.total_steps)

    def in_parts(self, prompts: list[list[int]], work: Callable[[list[list[int]]], T]) -> list[T]:
        """Do some work on prompts, by halves where memory runs out; return what it returned for each part.

        Raises:
            UserError: a single prompt does not fit.
        """
        try:
            return [work(prompts)]
        except RuntimeError as error:
            self._require_smaller_is_possible(error)
            if len(prompts) == 1:
                raise OutOfMemory(
                    "out of memory scoring a single row: lower prompt.max_tokens, or take a smaller model"
                ) from error
        self._give_memory_back()
        self.limits.halves_scoring = True
        half = len(prompts) // 2
        return [*self.in_parts(prompts[:half], work), *self.in_parts(prompts[half:], work)]

    def read(self, batches: Sequence[Batch | None], beginning: Kept | None = None) -> tuple[Any, list[int]]:
        """Run the trunk on the trials' batches, stacked to one shape; return outputs and each trial's first row.

        Args:
            beginning: of every row, read before: a kept row for each trial.
        """
        real = [batch for batch in batches if batch is not None]
        if len(batches) == 1 and real:
            combined, rows = real[0], real[0].rows
        else:
            rows = max((batch.rows for batch in real), default=1)
            length = max((batch.length for batch in real), default=1)
            combined = stack_batches(batches, rows, length, self.pad_id, self.device)
        with self.autocast_context():
            if self.packs_rows:
                outputs = self.read_packed(combined, batches, beginning)
            else:
                outputs = self._read_padded(combined, batches)
        return outputs, [trial * rows for trial in range(len(batches))]

    def read_packed(
        self,
        combined: Batch,
        batches: Sequence[Batch | None],
        beginning: Kept | None = None,
        context: Context | None = None,
        keeps: Kept | None = None,
    ) -> Any:
        """Run the trunk on rows end to end.

        Args:
            batches: of each trial, which ``combined`` stacks.
            beginning: of every row, read before: a kept row for each trial.
            context: what stands between that and each row.
            keeps: takes the rows' keys and values, to be read on from.

        Returns:
            Its outputs, as of padded rows.
        """
        size = round_tokens if self._is_new_size_dear else int
        packed = PackedRows.of(combined, len(batches), size=size, beginning=beginning, context=context, keeps=keeps)
        self.state.shapes = [(int(batch.real.sum()),) if batch else (0,) for batch in batches]
        is_kept = self.frozen is not None and combined.tree is None
        with self.frozen.replaced(packed, combined) if self.frozen and is_kept else nullcontext():
            outputs = self.trunk(**packed.trunk_inputs(combined), return_dict=True)
        return type(outputs)(last_hidden_state=packed.padded(outputs.last_hidden_state))

    @property
    def _is_new_size_dear(self) -> bool:
        """Whether every new number of tokens costs time: see ``round_tokens``."""
        return self.device.type == "cpu" and self._precision == torch.bfloat16

    @property
    def _precision(self) -> torch.dtype:
        """Of products."""
        return self.autocast or self.dtype

    def _read_padded(self, combined: Batch, batches: Sequence[Batch | None]) -> Any:
        self.state.shapes = [(batch.rows, batch.length) if batch else (0, 0) for batch in batches]
        return self.trunk(**combined.trunk_inputs(self._precision), return_dict=True)

    def set_mode(self, *, training: bool) -> None:
        """Switch modes only when they change: walking thousands of modules costs tens of milliseconds."""
        self.state.training = training
        if self.trunk.training != training:
            self.trunk.train(training)

    @property
    def pad_id(self) -> int:
        """Token that fills rows up."""
        return int(self.trunk.config.pad_token_id)  # type: ignore[union-attr,arg-type]

    def autocast_context(self) -> AbstractContextManager[Any]:
        """Return the precision of products, as a context."""
        return torch.autocast(self.device.type, self.autocast) if self.autocast else nullcontext()

    def _require_smaller_is_possible(self, error: Exception) -> None:
        """Raise what is not running out of memory, and that where no process can change its batches alone."""
        if not is_out_of_memory(error):
            raise error
        if any(trial.weights.is_sharded for trial in self.trials):
            raise UserError(
                "out of memory, and processes that share sharded weights (FSDP) cannot take smaller batches on their own: "
                "set a smaller train.micro_batch_size (training) or train.score_batch_tokens (scoring), or "
                "train.gradient_checkpointing=true"
            ) from error

    def _halve_micro_batch(self, error: Exception) -> None:
        """Halve the rows per forward pass after running out of memory; the step's gradient stays the same."""
        self._require_smaller_is_possible(error)
        self.drop_gradients()
        largest = max(map(len, self._batch_rows()))
        rows = min(self.micro_rows, largest)
        if rows == 1:
            raise OutOfMemory(
                "out of memory with a single row per forward pass: lower prompt.max_tokens, set "
                "train.gradient_checkpointing=true or lora=qlora, or take a smaller model"
            ) from error
        self.micro_rows = rows // 2
        self.limits.rows = self.micro_rows * len(self.trials)
        self.limits.tried = self.limits.tried or rows

    def _give_memory_back(self) -> None:
        """Let go of what a forward pass that was cut off has left."""
        forget_outputs(self.trunk)
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
