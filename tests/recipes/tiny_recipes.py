"""The recipes' experiment files on tiny random models of their architectures and on rows in the documents' formats.

Nothing of a recipe is changed but the model, where the rows lie, how many there are, and the budget: sixteen training rows
are to be learnt by heart in seconds by a model that knows nothing. The last weights are kept, since so few validation rows
pick none.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from command_line import CommandLine
from export.finished_runs import outspoken
from headtohead.classifiers.reload import Reloaded, reload_run
from headtohead.classifiers.split_scoring import predictions_of
from headtohead.data import Corpus, load_corpus
from headtohead.results import Predictions, read_predictions
from headtohead.training import score

ROWS = Path(__file__).parent / "rows"
LAST_WEIGHTS = "train.evaluate_every=1000"
CHEAP = ["track=off", "evaluate.baselines=false", "evaluate.resamples=100", LAST_WEIGHTS]


@dataclass(frozen=True, slots=True, kw_only=True)
class TinyRecipe:
    """How an experiment file is run here."""

    experiment: str
    rows: str
    """Below ``rows``; what the documents' own data look like."""
    form: str
    """What the card's snippet loads."""
    model: tuple[str, ...]
    overrides: tuple[str, ...]


def tiny(architecture: str) -> tuple[str, ...]:
    """Name a tiny model."""
    return ("model=tiny", f"model.architecture={architecture}", "model.precision=fp32")


TOPIC_GUARD = TinyRecipe(
    experiment="recipe_topic_guard",
    rows="star_trek_guard_dataset.jsonl",
    form="merged",
    model=tiny("qwen3"),
    overrides=("train.epochs=20", "train.learning_rate=1e-2"),
)
RECIPES = {
    "constructive": TinyRecipe(
        experiment="recipe_constructive",
        rows="threads",
        form="adapter",
        model=tiny("qwen3"),
        overrides=("train.epochs=6", "train.learning_rate=5e-3", "train.batch_size=4"),
    ),
    "topic_guard": TOPIC_GUARD,
    "topic_guard_bert": TinyRecipe(
        experiment=TOPIC_GUARD.experiment,
        rows=TOPIC_GUARD.rows,
        form=TOPIC_GUARD.form,
        model=(*tiny("bert"), "lora.targets=[all-linear]"),  # BERT calls no layer q_proj
        overrides=TOPIC_GUARD.overrides,
    ),
    "mmlu_pro": TinyRecipe(
        experiment="recipe_mmlu_pro",
        rows="mmlu_pro",
        form="adapter",
        model=("model.instruct.kind=path", "model.instruct.name={outspoken}", "model.precision=fp32"),
        overrides=(
            "data.source.kind=path",
            "data.subset={per_class: 4, train: 16}",
            "train.epochs=40",
            "train.learning_rate=5e-3",
            "train.batch_size=4",
        ),
    ),
    "qwen2_article": TinyRecipe(
        experiment="recipe_qwen2_article",
        rows="query_sentiment.jsonl",
        form="merged",
        model=tiny("qwen2"),
        # The tiny tokenizer writes a Chinese character as three bytes.
        overrides=("prompt.max_tokens=64", "train.epochs=40", "train.learning_rate=3e-3"),
    ),
    "quality": TinyRecipe(
        experiment="recipe_quality",
        rows="portuguese_quality",
        form="merged",
        model=tiny("qwen3"),
        overrides=(
            "data.source.kind=path",
            "train.epochs=40",
            "train.learning_rate=5e-3",
            "train.batch_size=8",
            "train.micro_batch_size=8",
            "train.warmup_steps=8",
        ),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    """A recipe's finished run, and what it answers to every row."""

    folder: Path
    record: dict[str, Any]
    base: Path
    """The untrained model."""
    reloaded: Reloaded
    train: Predictions
    """Of the training rows, scored again: a run stores those of validation and test rows alone."""
    stored: Predictions
    """``predictions.parquet``."""
    inputs: dict[str, Any]
    """Text of each row, or its messages, by row id."""

    @property
    def model(self) -> str:
        """The exported folder."""
        return str(self.folder / "model")

    def inputs_of(self, predictions: Predictions) -> list[Any]:
        """Return what was read, row by row."""
        return [self.inputs[name] for name in predictions.row_id]


def learn(recipe: str, folder: Path, cache: Path, *overrides: str) -> Learnt:
    """Run a recipe as its command line would."""
    made = RECIPES[recipe]
    always = [f"experiment={made.experiment}", *made.model, *CHEAP, *made.overrides]
    base = cache / "tiny" / made.model[1].rpartition("=")[2]
    if "{outspoken}" in base.name:
        base = outspoken("qwen3", cache, folder / "outspoken")
    line = CommandLine(
        outputs=folder / "outputs",
        cache=cache,
        rows=ROWS / made.rows,
        always=[override.replace("{outspoken}", str(base)) for override in always],
    )
    line.here(*overrides)
    reloaded = reload_run(line.folder())
    corpus = load_corpus(reloaded.config.data, reloaded.cache)
    return Learnt(
        folder=line.folder(),
        record=line.record(),
        base=base,
        reloaded=reloaded,
        train=_score_training_rows(reloaded, corpus),
        stored=read_predictions(line.folder() / "predictions.parquet"),
        inputs=_inputs(corpus),
    )


def _score_training_rows(reloaded: Reloaded, corpus: Corpus) -> Predictions:
    rows = reloaded.reader.encode(
        "train", corpus.train, labels=corpus.labels, key=corpus.fingerprint, cache=reloaded.cache
    )
    is_score = reloaded.pack.trials[0].link == "identity"
    return predictions_of(rows, score(reloaded.pack, rows)[0], corpus.labels, is_expected_score=is_score)


def _inputs(corpus: Corpus) -> dict[str, Any]:
    column = "messages" if "messages" in corpus.train.column_names else "text"
    splits = [corpus.train, corpus.validation, *corpus.tests.values()]
    return {row["row_id"]: row[column] for split in splits for row in split}
