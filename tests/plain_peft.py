"""What a trial should be: transformers and PEFT's own layers in a plain PyTorch loop, given the same rows.

Nothing here uses the package's adapters, heads, losses, optimiser or schedule; only its initial weights and batches.
"""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import peft
import torch
import transformers
from torch import Tensor
from torch.nn import functional as F

from headtohead.config import Config, LoraConfig
from headtohead.training import Trial
from tiny_runs import TinyRun


class PlainTrial:
    """One trial, alone. Takes its initial weights from ``trial`` and the rows of every step from its plan."""

    def __init__(self, run: TinyRun, number: int = 0) -> None:
        self.config: Config = run.configs[number]
        self.trial: Trial = run.pack.trials[number]
        self.run, self.rows = run, run.rows
        audit = run.readers[number].audit
        self.answers = [[*answer, audit.end_id] for answer in audit.answers] if audit else []
        base = copy.deepcopy(run.plain_model)
        lora = self.config.lora
        head = [name for name in ("score", "classifier", "head") if name in dict(base.named_children())]
        if run.configs[number].head.is_generative:
            head = []
        if isinstance(lora, LoraConfig):
            self.model: Any = peft.get_peft_model(base, peft_config(base, lora, head))
        else:
            self.model = base
        self.model.train()
        self.linear: torch.nn.Linear | None = None
        if not self.config.head.is_generative and self.config.head.pooling != "native":
            self.linear = torch.nn.Linear(base.config.hidden_size, self.trial.head.width)
        self.ours = self._counterparts()
        if not isinstance(lora, LoraConfig):  # PEFT freezes by itself
            self.model.requires_grad_(False)
            for theirs, _ in self.ours.values():
                theirs.requires_grad_(True)
        self.load({name: tensor.detach() for name, tensor in self.trial.weights.tensors.items()})
        if self.trial.optimizer is not None:
            self._prepare()

    def _prepare(self) -> None:
        train = self.config.train
        self.parameters = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        self.parameters += list(self.linear.parameters()) if self.linear else []
        decayed = [parameter for parameter in self.parameters if parameter.dim() >= 2]
        plain = [parameter for parameter in self.parameters if parameter.dim() < 2]
        self.optimizer = torch.optim.AdamW(
            [{"params": decayed, "weight_decay": train.weight_decay}, {"params": plain, "weight_decay": 0.0}],
            lr=train.learning_rate,
            betas=(train.beta1, train.beta2),
            eps=train.epsilon,
        )
        total = self.trial.total_steps
        warmup = train.warmup_steps
        if warmup is None:
            warmup = math.ceil(train.warmup_fraction * total)
        name = {"constant": "constant_with_warmup"}.get(train.schedule, train.schedule)
        self.scheduler = transformers.get_scheduler(name, self.optimizer, warmup, total)

    def _counterparts(self) -> dict[str, tuple[Tensor, bool]]:
        """Return PEFT's tensor for each of ours, and whether it stands transposed."""
        theirs = {
            name.removeprefix("base_model.model.").replace(".default", "").replace(".modules_to_save", ""): parameter
            for name, parameter in self.model.named_parameters()
        }
        prefix = self.run.plain_model.base_model_prefix
        found = {}
        for name in self.trial.weights.tensors:
            part, _, rest = name.partition(".")
            if part == "head" and self.linear is not None:
                found[name] = (self.linear.get_parameter(rest), False)
                continue
            if part == "output_embeddings":
                found[name] = (theirs["lm_head.weight"], False)
                continue
            if part == "head":
                found[name] = (theirs[rest if rest in theirs else f"{prefix}.{rest}"], False)
                continue
            whole = f"{prefix}.{rest}" if self.run.plain_model.base_model is not self.run.plain_model else rest
            layer, _, kind = whole.rpartition(".")
            names = {
                "lora_a": [(f"{layer}.lora_A.weight", False), (f"{layer}.lora_embedding_A", False)],
                "lora_b": [(f"{layer}.lora_B.weight", True), (f"{layer}.lora_embedding_B", True)],
                "magnitude": [(f"{layer}.lora_magnitude_vector.weight", False)],
            }.get(kind, [(whole, False)])
            found[name] = next((theirs[other], transposed) for other, transposed in names if other in theirs)
        return found

    def load(self, state: dict[str, Tensor]) -> None:
        """Copy our weights in."""
        with torch.no_grad():
            for name, (theirs, transposed) in self.ours.items():
                theirs.copy_(state[name].T if transposed else state[name])

    def weights(self) -> dict[str, Tensor]:
        """Return PEFT's weights under our names."""
        return {name: (t.detach().T if turned else t.detach()) for name, (t, turned) in self.ours.items()}

    def gradients(self) -> dict[str, Tensor]:
        """Return PEFT's gradients under our names."""
        return {
            name: (t.grad.T if turned else t.grad)  # type: ignore[union-attr]
            for name, (t, turned) in self.ours.items()
            if t.grad is not None
        }

    def loss(self, step: int) -> Tensor:
        """Return the loss of the rows of one step, unaccumulated."""
        index = self.trial.batch_rows(step)
        prompts, targets = self.rows.input_ids(index), self.rows.targets[index]
        if self.config.loss.kind == "language_model":
            return self._language_model_loss(prompts, targets)
        if self.config.head.is_generative:
            return plain_loss(self.config, self._label_scores(prompts), targets, self.run)
        return plain_loss(self.config, self._scores(prompts), targets, self.run)

    def _scores(self, prompts: list[list[int]]) -> Tensor:
        ids, mask = pad(prompts, self.run.backbone.tokenizer.pad_token_id)
        if self.linear is None:
            logits: Tensor = self.model(input_ids=ids, attention_mask=mask).logits
            return logits
        hidden = self.model(input_ids=ids, attention_mask=mask, output_hidden_states=True).hidden_states[-1]
        match self.config.head.pooling:
            case "last":
                pooled = hidden[torch.arange(len(ids)), mask.sum(dim=1) - 1]
            case "mean":
                pooled = (hidden * mask[..., None]).sum(dim=1) / mask.sum(dim=1, keepdim=True)
            case _:
                pooled = hidden[:, 0]
        scores: Tensor = self.linear(pooled)
        return scores

    def _language_model_loss(self, prompts: list[list[int]], targets: np.ndarray) -> Tensor:
        sequences = [prompt + self.answers[target] for prompt, target in zip(prompts, targets, strict=True)]
        ids, mask = pad(sequences, self.run.backbone.tokenizer.pad_token_id)
        labels = torch.full_like(ids, -100)
        for row, (prompt, sequence) in enumerate(zip(prompts, sequences, strict=True)):
            labels[row, len(prompt) : len(sequence)] = ids[row, len(prompt) : len(sequence)]
        loss: Tensor = self.model(input_ids=ids, attention_mask=mask, labels=labels).loss
        return loss

    def _label_scores(self, prompts: list[list[int]]) -> Tensor:
        rows = []
        for prompt in prompts:
            scores = []
            for answer in self.answers:
                tokens = answer if self.run.readers[0].audit.needs_end else answer[:-1]  # type: ignore[union-attr]
                ids = torch.tensor([prompt + tokens])
                log_p = self.model(input_ids=ids).logits[0].log_softmax(dim=-1)
                scores.append(sum(log_p[len(prompt) + i - 1, token] for i, token in enumerate(tokens)))
            rows.append(torch.stack(scores))  # type: ignore[arg-type]
        return torch.stack(rows)

    def step(self, number: int) -> float:
        """Take one optimiser step as any script would."""
        loss = self.loss(number)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, self.config.train.clip_norm or float("inf"))
        self.optimizer.step()
        self.scheduler.step()
        self.optimizer.zero_grad()
        return float(loss.detach())


def peft_config(base: Any, lora: LoraConfig, head: list[str]) -> peft.LoraConfig:
    """Say our configuration in PEFT's words."""
    linear = [name for name, module in base.named_modules() if isinstance(module, torch.nn.Linear)]
    outside = [name for name in linear if name.split(".")[0] in ("score", "classifier", "head", "lm_head", "decoder")]
    inside = [name for name in linear if name not in outside and "pooler" not in name]
    match lora.targets:
        case ["all-linear"]:
            targets = inside
        case ["attention"]:
            targets = [name for name in inside if "attn" in name or "attention" in name]
        case endings:
            targets = [name for name in inside if name.rsplit(".", 1)[-1] in endings]
    if lora.top_layers < 1:
        depth = base.config.num_hidden_layers
        kept = range(depth - round(depth * lora.top_layers), depth)
        targets = [name for name in targets if any(f".{layer}." in name for layer in kept)]
    if lora.embeddings:
        embedding = base.get_input_embeddings()
        targets.append(next(name for name, module in base.named_modules() if module is embedding))
    pooler = [name for name, _ in base.named_modules() if name.endswith("pooler")] if head else []
    return peft.LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,  # type: ignore[arg-type]
        lora_dropout=lora.dropout,
        target_modules=targets,
        use_rslora=lora.scaling == "rslora",
        use_dora=lora.dora,
        modules_to_save=[*head, *pooler] or None,
    )


def pad(sequences: list[list[int]], pad_id: int) -> tuple[Tensor, Tensor]:
    """Pad on the right."""
    longest = max(map(len, sequences))
    ids = torch.tensor([[*ids, *[pad_id] * (longest - len(ids))] for ids in sequences])
    mask = torch.tensor([[1] * len(ids) + [0] * (longest - len(ids)) for ids in sequences])
    return ids, mask


def plain_loss(config: Config, scores: Tensor, targets: np.ndarray, run: TinyRun) -> Tensor:
    """Return a loss from torch's own functions and formulas as their papers print them."""
    gold = torch.as_tensor(targets)
    options: Any = config.loss
    weight = None
    if options.class_weights == "balanced" and run.labels.kind != "multi":
        counts = np.bincount(run.rows.targets)
        weight = torch.tensor(len(run.rows.targets) / (len(counts) * counts), dtype=torch.float32)
    match options.kind:
        case "cross_entropy":
            return F.cross_entropy(scores, gold, weight=weight, label_smoothing=options.label_smoothing)
        case "focal":
            p = scores.softmax(dim=-1)[torch.arange(len(gold)), gold]
            w = torch.ones(len(gold)) if weight is None else weight[gold]
            return (w * (1 - p) ** options.gamma * -p.log()).sum() / w.sum()
        case "bce":
            return F.binary_cross_entropy_with_logits(scores, gold.float())
        case "mse" | "huber":
            if run.labels.kind == "ordinal":
                gold = torch.tensor(run.labels.values)[gold]
            if options.kind == "mse":
                return F.mse_loss(scores[:, 0], gold.float())
            return F.huber_loss(scores[:, 0], gold.float(), delta=options.delta)
        case "corn":
            return corn_loss(scores, gold, len(run.labels))
        case _:
            raise AssertionError(options.kind)


def corn_loss(logits: Tensor, y_train: Tensor, num_classes: int) -> Tensor:
    """Return CORN's loss, re-implemented from the listing in the paper (arXiv:2111.08851, appendix)."""
    sets = []
    for i in range(num_classes - 1):
        label_mask = y_train > i - 1
        label_tensor = (y_train[label_mask] > i).to(torch.int64)
        sets.append((label_mask, label_tensor))
    num_examples, losses = 0, torch.zeros(())
    for task_index, (train_examples, train_labels) in enumerate(sets):
        if len(train_labels) < 1:
            continue
        num_examples += len(train_labels)
        pred = logits[train_examples, task_index]
        losses = losses - torch.sum(
            F.logsigmoid(pred) * train_labels + (F.logsigmoid(pred) - pred) * (1 - train_labels)
        )
    return losses / num_examples
