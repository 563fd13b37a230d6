"""Score the validation and test splits of a finished run again, from its trained weights."""

from __future__ import annotations

from pathlib import Path

from headtohead.batching.encode import EncodedRows
from headtohead.classifiers.reload import Reloaded, read_run, reload_run
from headtohead.classifiers.split_scoring import evaluate_splits, predictions_of
from headtohead.config import Config
from headtohead.console.status_lines import doing
from headtohead.data import Corpus, load_corpus
from headtohead.errors import UserError
from headtohead.evaluation import Tfidf
from headtohead.results import Predictions, RunRecord, join, run_folder, write_predictions, write_record
from headtohead.runs.phases import WORDS
from headtohead.runs.run import splits_to_score
from headtohead.runs.run_summary import print_summary
from headtohead.runs.tfidf_run import score_tfidf
from headtohead.sources import cache_root
from headtohead.training import score


def evaluate_run(config: Config, folder: Path) -> RunRecord:
    """Write record and predictions of a new scoring into ``folder``; the run's own record counts the read.

    Raises:
        UserError: the run cannot be reloaded, or its data have changed.
    """
    assert config.run is not None
    with run_folder.claim(Path(config.run)):
        record, stored = read_run(Path(config.run))
        with doing(WORDS["data"]):
            corpus = load_corpus(stored.data, cache_root(config.paths.cache or stored.paths.cache))
        if corpus.fingerprint != record.data["fingerprint"]:
            raise UserError(f"the data of {config.run} have changed since the run; its scores could not be compared")
        if stored.model.kind == "tfidf":
            predictions = score_tfidf(Tfidf.load(Path(config.run) / run_folder.WEIGHTS), corpus, config)
        else:
            with doing(WORDS["load"]):
                reloaded = reload_run(Path(config.run), cache=config.paths.cache)
            predictions = _score(reloaded, config, corpus)
        record.test_reads += len(predictions) - 1
        write_record(Path(config.run) / run_folder.RECORD, record)
    temperature = float(record.calibration.get("temperature", 1.0))
    with doing(WORDS["evaluate"]):
        evaluate_splits(record, predictions, temperature=temperature, resamples=config.evaluate.resamples)
    write_predictions(folder / run_folder.PREDICTIONS, join(list(predictions.values())))
    write_record(folder / run_folder.RECORD, record)
    print_summary(record, folder)
    return record


def _score(reloaded: Reloaded, config: Config, corpus: Corpus) -> dict[str, Predictions]:
    is_score = reloaded.pack.trials[0].link == "identity"
    predictions = {}
    for split, rows in splits_to_score(config, corpus).items():
        encoded: EncodedRows = reloaded.reader.encode(
            split, rows, labels=corpus.labels, key=corpus.fingerprint, cache=reloaded.cache
        )
        with doing(f"scoring {split}"):
            scores = score(reloaded.pack, encoded)[0]
        predictions[split] = predictions_of(encoded, scores, corpus.labels, is_expected_score=is_score)
    return predictions
