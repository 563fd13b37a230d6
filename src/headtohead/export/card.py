"""``model/README.md``: the model card. Its numbers are computed from the stored predictions as it is written."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from headtohead.config import FrozenConfig, LoraConfig
from headtohead.evaluation import Evaluation, evaluate
from headtohead.evaluation.metric_table import METRICS
from headtohead.export.card_words import (
    base_sentence,
    calibration_sentence,
    drift_sentence,
    form_sentence,
    limits,
    notes,
    settings,
    source_sentence,
    what_sentence,
)
from headtohead.export.serving import MARK
from headtohead.export.snippet import environment, generate_snippet, pipeline_snippet, snippet
from headtohead.export.subject import Subject
from headtohead.results import Predictions, RunRecord

HEADLINES = {name: metric.hub_name for name, metric in METRICS.items() if metric.hub_name}
"""Metrics of the card, and the hub's name of each."""


def write_card(subject: Subject, record: RunRecord, predictions: Predictions, folder: Path) -> None:
    """Write the card into an export's folder.

    Args:
        record: of the run, its ``export`` section filled.
        predictions: as stored; the card's results are evaluated from them anew.
    """
    found = evaluations(subject, predictions)
    env = environment()
    env.filters |= {"md": escaped, "fenced": fenced}
    body = env.get_template("card.md.jinja").render(**_values(subject, record, found))
    text = f"---\n{metadata(subject, record, found).to_yaml()}\n---\n\n{body.strip()}\n"
    (folder / "README.md").write_text(text, encoding="utf-8")


def evaluations(subject: Subject, predictions: Predictions) -> dict[str, tuple[int, Evaluation]]:
    """Return rows and evaluation of each reported split: the test sets, else validation."""
    splits = list(dict.fromkeys(predictions.split.tolist()))
    reported = [split for split in splits if split != "validation"] or splits
    parts = {split: predictions.of_split(split) for split in reported}
    resamples = subject.config.evaluate.resamples
    return {
        split: (len(own), evaluate(own, temperature=subject.temperature, resamples=resamples))
        for split, own in parts.items()
    }


def metadata(subject: Subject, record: RunRecord, found: dict[str, tuple[int, Evaluation]]) -> ModelCardData:
    """Return the card's YAML block, model-index included."""
    data = subject.config.data
    is_hub_data = data.source.kind == "hub"
    results = [
        EvalResult(
            task_type="text-classification",
            dataset_type=data.source.name if is_hub_data else re.sub(r"\W+", "_", data.name) or "local",
            dataset_name=data.name,
            dataset_split=split,
            metric_type=hub_name,
            metric_name=name,
            metric_value=float(evaluation.metrics[name]["value"]),  # type: ignore[arg-type]
            metric_args={"interval_95": [evaluation.metrics[name][end] for end in ("low", "high")]},
        )
        for split, (_, evaluation) in found.items()
        for name, hub_name in HEADLINES.items()
        if evaluation.metrics.get(name, {}).get("value") is not None
    ]
    is_hub_base = subject.base.kind == "hub"
    return ModelCardData(
        license=_license(subject),
        library_name="peft" if subject.form == "adapter" else "transformers",
        pipeline_tag="text-classification",
        base_model=subject.base.name if is_hub_base else None,
        datasets=[data.source.name] if is_hub_data else None,
        tags=_tags(subject),
        model_name=record.name,
        eval_results=results,
    )


def _tags(subject: Subject) -> list[str]:
    kinds = {LoraConfig: "lora", FrozenConfig: "frozen-trunk"}
    trained = kinds.get(type(subject.config.lora), "full-fine-tuning")
    tags = ["headtohead", "text-classification", trained, f"head-{subject.config.head.kind}"]
    if subject.form == "adapter" and subject.base.kind == "hub":
        tags.append(f"base_model:adapter:{subject.base.name}")
    return tags


def _license(subject: Subject) -> str | None:
    """Return the base model's licence where its own card, if it lies beside the weights, states one."""
    card = Path(subject.base.path) / "README.md"
    if not card.is_file():
        return None
    stated = ModelCard.load(card, ignore_metadata_errors=True).data.license
    return str(stated) if stated else None


def _values(subject: Subject, record: RunRecord, found: dict[str, tuple[int, Evaluation]]) -> dict[str, Any]:
    config = subject.config
    packages = "".join(
        f" {name}"
        for name, needed in (
            ("peft", subject.form == "adapter" or subject.readout == "pooled"),
            ("safetensors", subject.readout == "pooled"),
        )
        if needed
    )
    return {
        "name": record.name,
        "what": what_sentence(subject, record),
        "base_sentence": base_sentence(subject),
        "form_sentence": form_sentence(subject),
        "packages": packages,
        "code": snippet(subject),
        "pipeline": pipeline_snippet(subject),
        "generate": generate_snippet(subject),
        "notes": notes(subject),
        "source": source_sentence(config.data.fields, renders_chat=config.prompt.chat),
        "template": _template(subject),
        "template_note": " and then into the chat template" if config.prompt.chat else "",
        "max_tokens": subject.budget,
        "kept": {"start": "the start", "end": "the end", "both": "the start and the end"}[config.prompt.keep],
        "label_heads": ["Output", "Label", *_label_heads(subject)],
        "label_rows": _label_rows(subject),
        "tables": [_table(record, split, rows, evaluation) for split, (rows, evaluation) in found.items()],
        "reads": f"; test splits were scored {record.test_reads} time(s)" if record.test_reads else "",
        "calibration": calibration_sentence(record, found),
        "truncation": _truncation(record),
        "gate": _gate(subject, record),
        "settings": settings(subject, record),
        "limits": limits(subject, record, found),
    }


def _template(subject: Subject) -> str:
    """Return the prompt as filled for any text, the text's place marked."""
    if subject.config.data.fields.messages and subject.config.prompt.chat:
        return "the conversation's messages, rendered by the chat template"
    return replace(subject.prompt, render_chat=None).render(MARK).replace(MARK, "{text}")


def _label_heads(subject: Subject) -> list[str]:
    heads: list[str] = []
    if subject.readout == "generative":
        heads += ["Answer", "Token ids"]
    if subject.labels.values:
        heads.append("Value")
    return [*heads, "Description"] if any(subject.labels.descriptions) else heads


def _label_rows(subject: Subject) -> list[list[str]]:
    labels, rows = subject.labels, []
    for number, name in enumerate(labels.names):
        row = [str(number), name]
        if subject.audit:
            row += [repr(subject.prompt.answer(number)), str(list(subject.audit.answers[number]))]
        if labels.values:
            row.append(f"{labels.values[number]:g}")
        rows.append([*row, labels.descriptions[number]] if any(labels.descriptions) else row)
    return rows


def _table(record: RunRecord, split: str, rows: int, evaluation: Evaluation) -> dict[str, Any]:
    others = [name for name, own in record.baselines.items() if split in own]
    shown = [name for name in HEADLINES if evaluation.metrics.get(name, {}).get("value") is not None]
    return {
        "split": split,
        "rows": rows,
        "others": [name.replace("_", " ") for name in others],
        "body": [
            [
                name.replace("_", " "),
                _with_interval(evaluation.metrics[name]),
                *(_number(record.baselines[other][split].get(name, {}).get("value")) for other in others),
            ]
            for name in shown
        ],
    }


def _truncation(record: RunRecord) -> list[list[str]]:
    reports = record.data.get("truncation", {})
    return [[split, str(own["rows"]), str(own["rows_cut"]), str(own["tokens_lost"])] for split, own in reports.items()]


def _gate(subject: Subject, record: RunRecord) -> dict[str, Any]:
    export = record.export
    checks, moved = export["gate"]["checks"], export["drift"]
    return {
        "rows": export["gate"]["rows"],
        "unit": "score, in widths of the scale" if subject.link == "identity" else "probability",
        "body": [[how, f"{own['largest']:.1e}", str(own["flips"] + own["near_ties"])] for how, own in checks.items()],
        "drift_sentence": drift_sentence(subject, record),
        "drift": [
            [dtype, f"{own['largest']:.1e}", f"{own['mean']:.1e}", f"{own['flips']} of {own['rows']}"]
            for dtype, own in moved.items()
        ],
    }


def _with_interval(entry: dict[str, float | None]) -> str:
    interval = "" if entry["low"] is None else f" [{_number(entry['low'])}, {_number(entry['high'])}]"
    return _number(entry["value"]) + interval


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def escaped(text: object) -> str:
    """Return text that Markdown shows as it stands, in a sentence or a table cell."""
    return re.sub(r"([\\`*_{}\[\]<>#|~$&])", r"\\\1", " ".join(str(text).split()))


def fenced(text: str, language: str) -> str:
    """Return a code block whose fence no line of the text can end."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"
