"""Names that people bring from other tools, and what they are called here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from functools import cache
from typing import get_args, get_origin, get_type_hints

from headtohead.errors import near_names

SETTINGS = {
    "lr": "train.learning_rate",
    "num_train_epochs": "train.epochs",
    "num_epochs": "train.epochs",
    "n_epochs": "train.epochs",
    "max_epochs": "train.epochs",
    "max_steps": "train.steps",
    "num_steps": "train.steps",
    "per_device_train_batch_size": "train.batch_size",
    "train_batch_size": "train.batch_size",
    "bs": "train.batch_size",
    "gradient_accumulation_steps": "train.micro_batch_size",
    "per_device_eval_batch_size": "train.score_batch_tokens",
    "eval_batch_size": "train.score_batch_tokens",
    "warmup_ratio": "train.warmup_fraction",
    "warmup": "train.warmup_fraction",
    "num_warmup_steps": "train.warmup_steps",
    "lr_scheduler_type": "train.schedule",
    "lr_scheduler": "train.schedule",
    "scheduler": "train.schedule",
    "optim": "train.optimizer",
    "max_grad_norm": "train.clip_norm",
    "grad_clip": "train.clip_norm",
    "gradient_clip_val": "train.clip_norm",
    "adam_beta1": "train.beta1",
    "adam_beta2": "train.beta2",
    "adam_epsilon": "train.epsilon",
    "early_stopping": "train.patience",
    "early_stopping_patience": "train.patience",
    "eval_steps": "train.evaluate_every",
    "save_steps": "train.checkpoint_seconds",
    "save_total_limit": "paths.keep_checkpoints",
    "metric_for_best_model": "train.metric",
    "load_best_model_at_end": "train.keep_best",
    "group_by_length": "train.length_buckets",
    "r": "lora.rank",
    "lora_r": "lora.rank",
    "lora_rank": "lora.rank",
    "alpha": "lora.alpha_over_rank",
    "lora_alpha": "lora.alpha_over_rank",
    "lora_dropout": "lora.dropout",
    "target_modules": "lora.targets",
    "use_dora": "lora.dora",
    "load_in_4bit": "lora",
    "max_length": "prompt.max_tokens",
    "max_seq_length": "prompt.max_tokens",
    "max_seq_len": "prompt.max_tokens",
    "max_len": "prompt.max_tokens",
    "seq_len": "prompt.max_tokens",
    "model_max_length": "prompt.max_tokens",
    "prompt_template": "prompt.template",
    "few_shot": "prompt",
    "bf16": "model.precision",
    "fp16": "model.precision",
    "dtype": "model.precision",
    "torch_dtype": "model.precision",
    "attn_implementation": "model.attention",
    "model_name": "model",
    "model_name_or_path": "model",
    "dataset": "data",
    "dataset_name": "data",
    "file": "data.source.name",
    "train_file": "data.source.name",
    "data_path": "data.source.name",
    "data_files": "data.files",
    "text_column": "data.fields.text",
    "text_field": "data.fields.text",
    "label_column": "data.fields.label",
    "label_field": "data.fields.label",
    "target": "data.fields.label",
    "num_labels": "data.labels.names",
    "classes": "data.labels.names",
    "test_size": "data.split.test",
    "val_size": "data.split.validation",
    "validation_split": "data.split.validation",
    "random_state": "seed",
    "random_seed": "seed",
    "output_dir": "paths.outputs",
    "out": "paths.outputs",
    "cache_dir": "paths.cache",
    "report_to": "track",
    "wandb": "track",
    "run_name": "track.name",
    "wandb_project": "track.project",
    "launcher": "hydra/launcher",
    "sweeper": "hydra/sweeper",
    "sampler": "hydra/sweeper/sampler",
    "pruner": "hydra/sweeper/pruner",
    "n_trials": "hydra.sweeper.n_trials",
    "n_jobs": "hydra.sweeper.n_jobs",
    "study_name": "hydra.sweeper.study_name",
}
"""The last word of a key, in the spelling of transformers, PEFT, scikit-learn and others, to the setting or group."""

CHOICES = {
    "hydra/launcher": {"joblib": "local", "submitit_local": "local", "multiprocessing": "local", "ray": "local"}
    | {"submitit_slurm": "slurm", "submitit": "slurm", "sbatch": "slurm"},
    "hydra/sweeper/sampler": {"bayesian": "tpe", "grid_search": "grid", "random_search": "random"},
    "hydra/sweeper/pruner": {"asha": "rungs", "halving": "successive_halving", "none": "null", "off": "null"},
    "track": {"none": "off", "null": "off", "false": "off", "no": "off", "disabled": "off"}
    | {"wandb": "online", "true": "online", "on": "online", "dryrun": "offline"},
    "lora": {"none": "full", "off": "full", "false": "full", "full_finetuning": "full", "finetune": "full"}
    | {"lora": "r16", "true": "r16", "head": "frozen", "linear_probe": "frozen"},
    "head": {"linear": "classification", "classifier": "classification", "cls": "classification"}
    | {"sequence_classification": "classification", "generation": "generative", "causal_lm": "generative"},
    "loss": {"ce": "cross_entropy", "crossentropy": "cross_entropy", "nll": "cross_entropy", "l2": "mse"}
    | {"binary_cross_entropy": "bce", "bce_with_logits": "bce", "lm": "language_model", "l1": "huber"},
    "data": {"csv": "files", "json": "files", "jsonl": "files", "parquet": "files", "local": "files", "own": "files"}
    | {"custom": "files", "file": "files", "huggingface": "hub", "hf": "hub", "bbc": "bbc_news"},
    "model": {},  # named by an id: config.model.loading
    "prompt": {"none": "plain", "default": "instruction", "fewshot": "few_shot"},
    "task": {"test": "evaluate", "eval": "evaluate", "fit": "train", "infer": "predict", "inference": "predict"}
    | {"classify": "predict", "prediction": "predict", "save": "export", "push": "export", "judge": "compare"},
}
"""Group to a choice in others' words, to the choice here."""


@cache
def keys_of(cls: type) -> tuple[str, ...]:
    """Return the dotted keys of a configuration dataclass; a mapping of the user's own names is one key."""
    found: list[str] = []
    hints = get_type_hints(cls)
    for name in (field.name for field in fields(cls)):
        hint = hints[name]
        inner = next((option for option in (hint, *get_args(hint)) if is_dataclass(option)), None)
        is_group = inner is not None and get_origin(hint) not in (list, dict)
        found += [f"{name}.{key}" for key in keys_of(inner)] if is_group else [name]  # type: ignore[arg-type]
    return tuple(found)


def setting_meant(word: str, keys: Iterable[str]) -> str:
    """Return the one setting or group that a key's last word means, in others' spelling or in its own; or nothing."""
    namesakes = [key for key in keys if key.rpartition(".")[2] == word]
    return SETTINGS.get(word.lower()) or (namesakes[0] if len(namesakes) == 1 else "")


def nearest(given: str, beside: Iterable[str], keys: Iterable[str]) -> str:
    """Say what a key that is no setting may have meant.

    Args:
        given: dotted.
        beside: the settings where it stands.
        keys: all settings, dotted.
    """
    word = given.rpartition(".")[2]
    meant = setting_meant(word, keys)
    if meant and meant != given:
        return f"; here it is {WITHOUT_THE_VALUE.get(meant, meant)}"
    namesakes = sorted(key for key in keys if key.rpartition(".")[2] == word and key != given)
    if namesakes:
        return f"; did you mean {' or '.join(namesakes[:3])}?"
    return near_names(word, beside)


WITHOUT_THE_VALUE = {
    "lora.alpha_over_rank": "lora.alpha_over_rank, alpha divided by lora.rank",
    "train.micro_batch_size": "train.micro_batch_size, the rows of one forward pass (train.batch_size is a step's)",
    "train.score_batch_tokens": "train.score_batch_tokens, in tokens",
    "train.evaluate_every": "train.evaluate_every, in epochs",
    "train.checkpoint_seconds": "train.checkpoint_seconds, the least time between two",
    "train.patience": "train.patience, in evaluations",
    "train.keep_best": "train.keep_best=true|false",
    "model.precision": "model.precision=fp32|bf16|auto",
    "model": "model=<choice>, or model=hub model.id=<owner/name>",
    "lora": "lora=qlora",
    "prompt": "prompt=few_shot",
    "data": "data=<choice>, or data=files data.source.name=<file>, or data=hub data.source.name=<owner/name>",
    "data.labels.names": "data.labels.names=[a,b]; without it the labels are those of the training rows",
    "paths.keep_checkpoints": "paths.keep_checkpoints=true|false",
}
"""Settings that do not take their namesake's value, in words."""
