"""The baseline: a plain transformers Trainer + PEFT script with dynamic padding, as model cards have it.

Reads a JSON file of settings and rows, trains, scores the test rows, prints one JSON line. Knows nothing of headtohead.

    python benchmarks/trainer_script.py job.json [--bf16 --group-by-length --frozen]
"""

import argparse
import json
import resource
import time

import numpy as np
import torch
from peft import LoraConfig, TaskType, get_peft_model
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)


class Clock(TrainerCallback):
    """Times the optimiser steps after the first, which warms up."""

    def __init__(self):
        self.first_end = self.last_end = 0.0

    def on_step_end(self, args, state, control, **kwargs):
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


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("job")
    parser.add_argument("--bf16", action="store_true")
    parser.add_argument("--group-by-length", action="store_true")
    parser.add_argument("--frozen", action="store_true", help="train the head alone, without LoRA")
    options = parser.parse_args()
    with open(options.job, encoding="utf-8") as file:
        job = json.load(file)
    torch.manual_seed(job["seed"])
    tokenizer = AutoTokenizer.from_pretrained(job["model"])
    model = AutoModelForSequenceClassification.from_pretrained(
        job["model"], num_labels=job["num_labels"], dtype=torch.float32, **job["model_settings"]
    )
    model.config.pad_token_id = tokenizer.pad_token_id
    if options.frozen:
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(any(part in job["trained_whole"] for part in name.split(".")))
    else:
        lora = LoraConfig(
            task_type=TaskType.SEQ_CLS,
            r=job["rank"],
            lora_alpha=job["alpha"],
            lora_dropout=0.0,
            target_modules=job["targets"],
            modules_to_save=job["trained_whole"],
        )
        model = get_peft_model(model, lora)

    def rows(split):
        return [
            {**tokenizer(text, truncation=True, max_length=job["max_tokens"]), "labels": label}
            for text, label in job[split]
        ]

    collator = CountingCollator(tokenizer)
    collator.batches = []
    clock = Clock()
    arguments = TrainingArguments(
        output_dir=job["output"],
        num_train_epochs=job["epochs"],
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
        train_dataset=rows("train"),
        data_collator=collator,
        callbacks=[clock],
    )
    trainer.train()
    steps, trained = trainer.state.global_step, list(collator.batches)
    answers = trainer.predict(rows("test")).predictions.argmax(axis=-1)
    print(
        json.dumps(
            {
                "steps": steps,
                "tokens": sum(trained[1:steps]),
                "seconds": clock.last_end - clock.first_end,
                "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
                "accuracy": float(np.mean(answers == np.array([label for _, label in job["test"]]))),
            }
        )
    )


if __name__ == "__main__":
    main()
