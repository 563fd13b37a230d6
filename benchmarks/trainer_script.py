"""The baseline: a plain transformers Trainer + PEFT script with dynamic padding, as model cards have it.

Reads JSON files of settings and rows, one after another: trains, scores the test rows, prints a JSON line for each. Knows
nothing of headtohead.

    python benchmarks/trainer_script.py job.json ... [--bf16 --group-by-length --frozen --bf16-weights --nf4]
"""

import argparse
import json
import os
import resource
import time
from pathlib import Path

import numpy as np
import torch
from peft import LoraConfig, TaskType, get_peft_model, prepare_model_for_kbit_training
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BitsAndBytesConfig,
    DataCollatorWithPadding,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)


class Clock(TrainerCallback):
    """Times the optimiser steps after the first, which warms up."""

    def __init__(self):
        self.first_end = self.last_end = 0.0

    def on_step_end(self, args, state, control, **kwargs):
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        now = time.perf_counter()
        if state.global_step == 1:
            self.first_end = now
        self.last_end = now


class CountingCollator(DataCollatorWithPadding):
    """Counts the real tokens of every batch handed out in training."""

    def __call__(self, features):
        batch = super().__call__(features)
        self.batches.append(int(batch["attention_mask"].sum()))
        return batch


def parse(arguments=None):
    parser = argparse.ArgumentParser()
    parser.add_argument("jobs", nargs="+")
    parser.add_argument("--bf16", action="store_true", help="mixed precision")
    parser.add_argument("--group-by-length", action="store_true")
    parser.add_argument("--frozen", action="store_true", help="train the head alone, without LoRA")
    parser.add_argument("--bf16-weights", action="store_true", help="the frozen weights are kept in bf16")
    parser.add_argument("--nf4", action="store_true", help="in 4 bits, as QLoRA")
    return parser.parse_args(arguments)


def load(job, options):
    """Return tokenizer and model, adapters in place."""
    tokenizer = AutoTokenizer.from_pretrained(job["model"])
    quantised = {}
    if options.nf4:
        quantised["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=torch.bfloat16,
        )
    model = AutoModelForSequenceClassification.from_pretrained(
        job["model"],
        num_labels=job["num_labels"],
        dtype=torch.bfloat16 if options.bf16_weights or options.nf4 else torch.float32,
        **quantised,
        **job["model_settings"],
    )
    model.config.pad_token_id = tokenizer.pad_token_id
    if options.frozen:
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(any(part in job["trained_whole"] for part in name.split(".")))
        return tokenizer, model
    if options.nf4:
        model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
    lora = LoraConfig(
        task_type=TaskType.SEQ_CLS,
        r=job["rank"],
        lora_alpha=job["alpha"],
        lora_dropout=0.0,
        target_modules=job["targets"],
        modules_to_save=job["trained_whole"],
    )
    return tokenizer, get_peft_model(model, lora)


def tokenised(tokenizer, job, split):
    return [
        {**tokenizer(text, truncation=True, max_length=job["max_tokens"]), "labels": label}
        for text, label in job[split]
    ]


def trainer_of(tokenizer, model, job, options):
    """Return a Trainer and what counts its steps and tokens."""
    collator = CountingCollator(tokenizer)
    collator.batches = []
    clock = Clock()
    arguments = TrainingArguments(
        output_dir=job["output"],
        num_train_epochs=job["epochs"],
        max_steps=job.get("steps", -1),
        per_device_train_batch_size=job["batch_size"],
        per_device_eval_batch_size=32,
        learning_rate=job["learning_rate"],
        lr_scheduler_type="linear",
        warmup_steps=job["warmup_steps"],
        max_grad_norm=1.0,
        weight_decay=0.0,
        bf16=options.bf16,
        train_sampling_strategy="group_by_length" if options.group_by_length else "random",
        seed=job["seed"],
        use_cpu=job["use_cpu"],
        save_strategy="no",
        logging_strategy="no",
        report_to=[],
        disable_tqdm=True,
    )
    trainer = Trainer(
        model=model,
        args=arguments,
        train_dataset=tokenised(tokenizer, job, "train"),
        data_collator=collator,
        callbacks=[clock],
    )
    trainer.remove_callback(PrinterCallback)
    return trainer, clock, collator


def train(trainer, clock, collator):
    """Train; return steps, and the seconds and real tokens of all after the first."""
    collator.batches.clear()
    trainer.train()
    steps = trainer.state.global_step
    return steps, clock.last_end - clock.first_end, sum(collator.batches[1:steps])


def wait_for_others(folder, count):
    """Wait until so many processes have come this far, as files in a folder tell."""
    Path(folder, str(os.getpid())).touch()
    while len(os.listdir(folder)) < count:
        time.sleep(0.01)


def do(job, options):
    """Train and score; return what there is to say of it."""
    torch.manual_seed(job["seed"])
    tokenizer, model = load(job, options)
    trainer, clock, collator = trainer_of(tokenizer, model, job, options)
    if "together" in job:
        wait_for_others(**job["together"])
    steps, seconds, tokens = train(trainer, clock, collator)
    line = {
        "steps": steps,
        "tokens": tokens,
        "seconds": seconds,
        "window": [clock.first_end, clock.last_end],
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }
    if job["test"]:
        predicted = trainer.predict(tokenised(tokenizer, job, "test"))
        answers, line["loss"] = predicted.predictions.argmax(axis=-1), predicted.metrics["test_loss"]
        line["accuracy"] = float(np.mean(answers == np.array([label for _, label in job["test"]])))
    return line


def main():
    options = parse()
    for path in options.jobs:
        with open(path, encoding="utf-8") as file:
            job = json.load(file)
        print(json.dumps(do(job, options)), flush=True)


if __name__ == "__main__":
    main()
