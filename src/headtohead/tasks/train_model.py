"""Fit a language model: backbone, reader, pack of one, loop, scores."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from headtohead.backbone import Backbone
from headtohead.batching.encode import EncodedRows
from headtohead.config import Config, loss_in_words
from headtohead.data import Corpus
from headtohead.evaluation import HIGHER_IS_BETTER
from headtohead.results import Predictions
from headtohead.tasks import folder as run_folder
from headtohead.tasks.build import Reader, build_pack, build_reader, draw_examples, load, score_width, start_from
from headtohead.tasks.progress import TrainingProgress
from headtohead.tasks.run import Run, describe_truncation, splits_to_score
from headtohead.tasks.scoring import predictions_of, selection_metric, validation_metrics
from headtohead.tasks.tracked import start_tracking
from headtohead.training import Hooks, Pack, fit, progress_summary, require_finished, save_weights, sharding_asked
from headtohead.training.checkpoint import newest_step


def fit_model(run: Run, corpus: Corpus) -> tuple[dict[str, Predictions], dict[str, EncodedRows]]:
    """Train and score.

    Returns:
        Predictions of every scored split, and all splits as the model read them.
    """
    config, record = run.config, run.record
    sharding_asked([config])  # what cannot be sharded is refused before anything is loaded
    with run.phases.phase("load"):
        width = score_width(config, corpus.labels, np.asarray(corpus.train["label"][:]))
        backbone = load(config, corpus.labels, width=width, cache=run.cache, processes=run.processes)
    with run.phases.phase("tokenise"):
        reader = read_with(config, backbone, corpus)
        encoded = encode_splits(run, reader, corpus)
    loss = loss_in_words(config.loss.kind, config.head.kind, config.loss.class_weights)
    record.model = {**backbone.about, "prompt": reader.prompt.as_dict(), "loss": loss}
    record.audit = reader.audit.as_dict() if reader.audit else {}
    describe_truncation(run, encoded, corpus)
    pack = build_pack([config], backbone, [reader], corpus.labels, encoded["train"], processes=run.processes)
    trial = pack.trials[0]
    if config.model.adapter:
        start_from(trial, config.model.adapter, corpus.labels)
    record.cost["trainable_parameters"] = trial.weights.count()
    record.cost["parameters"] = backbone.about["parameters"]
    validation = Validation(run, encoded["validation"], corpus)
    _train(run, pack, validation)
    state = trial.weights.state()  # sharded weights come from all processes
    if run.processes.is_main:
        save_weights(run.folder / run_folder.WEIGHTS, state, labels=corpus.labels.names)
    tests = {split: rows for split, rows in encoded.items() if split not in ("train", "validation")}
    return {"validation": validation.final(pack), **_score_tests(run, pack, tests, corpus)}, encoded


def read_with(config: Config, backbone: Backbone, corpus: Corpus) -> Reader:
    """Build the reader of a run from its training rows."""
    sample = corpus.train["text"][: min(64, len(corpus.train))]
    return build_reader(config, backbone, corpus.labels, sample, draw_examples(config, corpus, backbone.tokenizer))


def encode_splits(run: Run, reader: Reader, corpus: Corpus) -> dict[str, EncodedRows]:
    """Tokenise the training rows and every split that will be scored."""
    return {
        split: reader.encode(split, rows, labels=corpus.labels, key=corpus.fingerprint, cache=run.cache)
        for split, rows in {"train": corpus.train, **splits_to_score(run.config, corpus)}.items()
    }


class Validation:
    """Scores the validation split as training goes on, and keeps the predictions of the best evaluation."""

    def __init__(self, run: Run, rows: EncodedRows, corpus: Corpus) -> None:
        self.metric = selection_metric(run.config.train.metric, corpus.labels)
        self._run, self._rows, self._labels = run, rows, corpus.labels
        self._by_step: dict[int, Predictions] = {}

    def __call__(self, pack: Pack, due: Sequence[int]) -> dict[int, dict[str, float]]:
        """Return the validation metrics of the one trial."""
        trial = pack.trials[0]
        predictions = self._score(pack)
        best = trial.progress.best_step
        self._by_step = {step: kept for step, kept in self._by_step.items() if step == best}
        self._by_step[trial.progress.step] = predictions
        return {0: validation_metrics(predictions, self.metric)}

    def final(self, pack: Pack) -> Predictions:
        """Return the predictions of the weights in place, which were mostly made when they were judged."""
        progress = pack.trials[0].progress
        step = progress.best_step if pack.trials[0].config.keep_best else progress.step
        return self._by_step[step] if step in self._by_step else self._score(pack)

    def _score(self, pack: Pack) -> Predictions:
        with self._run.phases.phase("validate"):
            scores = pack.score(self._rows)[0]
        self._run.phases.add_tokens("validate", int(self._rows.lengths.sum()))
        is_score = pack.trials[0].link == "identity"
        return predictions_of(self._rows, scores, self._labels, is_expected_score=is_score)


def _train(run: Run, pack: Pack, validation: Validation) -> None:
    """Run the loop with its hooks, and note what training cost."""
    trial = pack.trials[0]
    checkpoints = run.folder / run_folder.CHECKPOINTS
    if run.processes.is_main:
        start_tracking(run, resumed_step=newest_step(checkpoints))
    run.processes.wait()  # the newest checkpoint is settled before the others read it
    progress = TrainingProgress(run.config.name, pack)

    def log(number: int, step: int, values: dict[str, float]) -> None:
        if run.tracker is not None:
            run.tracker.log(step, values)
        progress.note(step, values)

    def report(number: int, step: int, value: float) -> str | None:
        run.record.objective["value"] = value
        return run.report(step, value) if run.report else None

    hooks = Hooks(
        evaluate=validation,
        report=report,
        log=log,
        metric=validation.metric,
        higher_is_better=HIGHER_IS_BETTER[validation.metric],
        advance=progress.advance,
        is_asked_to_stop=run.stop.asked,
    )
    with progress, run.stop.in_steps():
        fit(pack, hooks, checkpoints=[checkpoints])
    run.phases.seconds["train"] = trial.progress.seconds
    run.phases.tokens["train"] = trial.progress.tokens
    run.record.cost["padded_tokens"] = trial.progress.padded_tokens
    run.record.cost["training"] = progress_summary(trial)
    run.record.cost["notes"] = pack.notes
    require_finished(trial)


def _score_tests(run: Run, pack: Pack, tests: dict[str, EncodedRows], corpus: Corpus) -> dict[str, Predictions]:
    """Score every test split, counting how often test splits are read."""
    is_score = pack.trials[0].link == "identity"
    predictions = {}
    for split, rows in tests.items():
        run.record.test_reads += 1
        run.save()  # a read counts even if the run dies before it ends
        with run.phases.phase(f"score {split}"):
            scores = pack.score(rows)[0]
        run.phases.add_tokens(f"score {split}", int(rows.lengths.sum()))
        predictions[split] = predictions_of(rows, scores, corpus.labels, is_expected_score=is_score)
    if run.processes.is_main:
        print("".join(f"{note}\n" for note in pack.notes if note not in run.record.cost["notes"]), end="")
    run.record.cost["notes"] = pack.notes
    return predictions
