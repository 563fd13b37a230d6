"""Fit a language model: backbone, reader, pack of one, loop, scores."""

from __future__ import annotations

import numpy as np

from headtohead.backbone import Backbone
from headtohead.batching.encode import EncodedRows
from headtohead.config import Config
from headtohead.data import Corpus
from headtohead.evaluation import HIGHER_IS_BETTER
from headtohead.results import Predictions
from headtohead.tasks import folder as run_folder
from headtohead.tasks.build import Reader, build_pack, build_reader, draw_examples, load, score_width, start_from
from headtohead.tasks.progress import TrainingProgress
from headtohead.tasks.run import Run, describe_truncation, splits_to_score
from headtohead.tasks.scoring import predictions_of, selection_metric, validation_metrics
from headtohead.tracking import open_trackers
from headtohead.training import (
    Hooks,
    Pack,
    Processes,
    fit,
    load_weights,
    progress_summary,
    require_converged,
    save_weights,
)
from headtohead.training.checkpoint import newest_step


def fit_model(run: Run, corpus: Corpus) -> tuple[dict[str, Predictions] | None, dict[str, EncodedRows]]:
    """Train and score; None on processes that only help.

    Returns:
        Predictions of every scored split, and all splits as the model read them.
    """
    config, record = run.config, run.record
    processes = Processes.current()
    metric = selection_metric(config.train.metric, corpus.labels)
    with run.phases.phase("load"):
        targets = np.asarray(corpus.train["label"][:])
        width = score_width(config, corpus.labels, targets)
        backbone = load(config, corpus.labels, width=width, cache=run.cache, processes=processes)
        record.model = dict(backbone.about)
    with run.phases.phase("tokenise"):
        reader = read_with(config, backbone, corpus)
        splits = {"train": corpus.train, **splits_to_score(config, corpus)}
        encoded = {
            split: reader.encode(split, rows, labels=corpus.labels, key=corpus.fingerprint, cache=run.cache)
            for split, rows in splits.items()
        }
    describe_truncation(run, encoded, corpus)
    record.model["prompt"] = reader.prompt.as_dict()
    if reader.audit:
        record.audit = reader.audit.as_dict()
    pack = build_pack([config], backbone, [reader], corpus.labels, encoded["train"], processes=processes)
    if config.model.adapter:
        start_from(pack.trials[0], load_weights(weights_file(config.model.adapter)), source=config.model.adapter)
    record.cost |= {
        "trainable_parameters": pack.trials[0].weights.count(),
        "parameters": backbone.about["parameters"],
    }
    _fit(run, pack, encoded["validation"], corpus, metric)
    if processes.is_main:
        save_weights(run.folder / run_folder.WEIGHTS, pack.trials[0].weights.state())
    predictions = score_splits(run, pack, encoded, corpus)
    return (predictions if processes.is_main else None), encoded


def read_with(config: Config, backbone: Backbone, corpus: Corpus) -> Reader:
    """Build the reader of a run from its training rows."""
    sample = corpus.train["text"][: min(64, len(corpus.train))]
    return build_reader(config, backbone, corpus.labels, sample, draw_examples(config, corpus, backbone.tokenizer))


def weights_file(folder: str) -> str:
    """Return the trained weights of a finished run.

    Raises:
        UserError: the folder holds none.
    """
    from pathlib import Path

    from headtohead.errors import UserError

    path = Path(folder) / run_folder.WEIGHTS
    if not path.is_file():
        raise UserError(f"no trained weights at {path}; give the folder of a completed training run")
    return str(path)


def _fit(run: Run, pack: Pack, validation: EncodedRows, corpus: Corpus, metric: str) -> None:
    trial = pack.trials[0]
    checkpoints = run.folder / run_folder.CHECKPOINTS
    tracker = open_trackers(run.config, run.folder, settings=run.record.config, resumed_step=newest_step(checkpoints))

    def evaluate(pack: Pack, due: object) -> dict[int, dict[str, float]]:
        with run.phases.phase("validate"):
            scores = pack.score(validation)[0]
            found = predictions_of(validation, scores, corpus.labels, is_expected_score=trial.link == "identity")
            return {0: validation_metrics(found, metric)}

    progress = TrainingProgress(run.config.name, pack)
    hooks = Hooks(
        evaluate=evaluate,
        log=lambda number, step, values: (tracker.log(step, values), progress.note(step, values)),  # type: ignore[func-returns-value]
        metric=metric,
        higher_is_better=HIGHER_IS_BETTER[metric],
        advance=progress.advance,
    )
    with progress:
        fit(pack, hooks, checkpoints=[checkpoints])
    run.phases.seconds["train"] = trial.progress.seconds
    run.phases.tokens["train"] = trial.progress.tokens
    run.record.cost["padded_tokens"] = trial.progress.padded_tokens
    run.record.cost["training"] = progress_summary(trial)
    run.record.cost["notes"] = pack.notes
    tracker.finish({"steps": trial.progress.step, "best_value": trial.progress.best_value})
    require_converged(trial)


def score_splits(run: Run, pack: Pack, encoded: dict[str, EncodedRows], corpus: Corpus) -> dict[str, Predictions]:
    """Score every split but train, counting how often test splits are read."""
    is_expected_score = pack.trials[0].link == "identity"
    predictions = {}
    for split, rows in encoded.items():
        if split == "train":
            continue
        if split != "validation":
            run.record.test_reads += 1
            run.save()  # a read counts even if the run dies before it ends
        with run.phases.phase(f"score {split}"):
            scores = pack.score(rows)[0]
        run.phases.tokens[f"score {split}"] = int(rows.lengths.sum())
        predictions[split] = predictions_of(rows, scores, corpus.labels, is_expected_score=is_expected_score)
    return predictions
