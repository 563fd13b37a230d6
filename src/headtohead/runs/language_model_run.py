"""Fit a language model: backbone, reader, training alone or beside others, scores."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np

from headtohead.adapters import expected_count
from headtohead.backbone import Backbone
from headtohead.batching.encode import EncodedRows
from headtohead.batching.lengths import COUNTED_ROWS
from headtohead.classifiers.base_model_check import (
    adapter_content,
    as_recorded,
    notices,
    refuse_another_base,
    refuse_another_start,
)
from headtohead.classifiers.build_pack import Reader, build_reader, draw_examples, score_width
from headtohead.classifiers.split_scoring import predictions_of
from headtohead.config import Config, loss_in_words
from headtohead.data import Corpus
from headtohead.results import Predictions, run_folder
from headtohead.runs.packs.resource_cache import Shelf
from headtohead.runs.packs.split_reading import read_once
from headtohead.runs.packs.training_request import Member
from headtohead.runs.run import Run, splits_to_score
from headtohead.runs.truncation import describe_truncation
from headtohead.runs.validation_split import Validation
from headtohead.training import require_finished, save_weights, score, sharding_asked


def fit_model(
    run: Run, corpus: Corpus, shelf: Shelf
) -> Generator[Member, None, tuple[dict[str, Predictions], dict[str, EncodedRows]]]:
    """Prepare a run, yield it to be trained, and score it.

    Returns:
        Predictions of every scored split, and all splits as the model read them.
    """
    config, record = as_recorded(run.config, run.record), run.record
    sharding_asked([config])  # what cannot be sharded is refused before anything is loaded
    with run.phases.phase("load"):
        width = score_width(config, corpus.labels, np.asarray(corpus.train["label"][:]))
        backbone = shelf.backbone(config, corpus.labels, width=width, cache=run.cache, processes=run.processes)
        if run_folder.holds_results(run.folder):
            refuse_another_base(record, backbone.content, run.folder, mend="add fresh=true to start anew")
            refuse_another_start(config, record, run.folder)
        expected_count(backbone.trunk, backbone.model, config.lora)  # refuses unknown targets before others wait for it
    with run.phases.phase("tokenise"):

        def read() -> tuple[Reader, dict[str, EncodedRows]]:
            reader = read_with(config, backbone, corpus)
            return reader, encode_splits(run, reader, corpus)

        reader, encoded = shelf.reading(config, corpus, backbone, read)
    loss = loss_in_words(config.loss.kind, config.head.kind, config.loss.class_weights)
    start = {"adapter": content} if (content := adapter_content(config)) else {}
    record.model = {**backbone.about, "prompt": reader.prompt.as_dict(), "loss": loss, **start}
    for notice in notices(config, backbone.about):
        run.notice(notice)
    record.audit = reader.audit.as_dict() if reader.audit else {}
    describe_truncation(run, encoded, reader, positions=backbone.positions)
    validation = Validation(run, encoded["validation"], corpus)
    member = Member(run=run, corpus=corpus, backbone=backbone, reader=reader, encoded=encoded, validation=validation)
    yield member
    member.note_cost()
    require_finished(member.trial)
    state = member.trial.weights.state()  # sharded weights come from all processes
    if run.processes.is_main:
        save_weights(run.folder / run_folder.WEIGHTS, state, labels=corpus.labels.names)
    assert member.pack is not None
    return {"validation": validation.final(member.pack, member.number), **_score_tests(member)}, encoded


def read_with(config: Config, backbone: Backbone, corpus: Corpus) -> Reader:
    """Build the reader of a run from its training rows."""
    sample = corpus.train[:COUNTED_ROWS]
    examples = draw_examples(config, corpus, backbone.tokenizer)
    return build_reader(config, backbone, corpus.labels, sample["text"], examples, sample.get("messages"))


def encode_splits(run: Run, reader: Reader, corpus: Corpus) -> dict[str, EncodedRows]:
    """Tokenise the training rows and every split that will be scored."""
    return {
        split: reader.encode(split, rows, labels=corpus.labels, key=corpus.fingerprint, cache=run.cache)
        for split, rows in {"train": corpus.train, **splits_to_score(run.config, corpus)}.items()
    }


def _score_tests(member: Member) -> dict[str, Predictions]:
    """Score every test split, counting how often test splits are read."""
    run, pack = member.run, member.pack
    assert pack is not None
    is_score = member.trial.link == "identity"
    predictions = {}
    for split, rows in member.encoded.items():
        if split in ("train", "validation"):
            continue
        run.record.test_reads += 1
        run.save()  # a read counts even if the run dies before it ends
        read_once([member], split)
        with run.phases.phase(f"score {split}"):
            scores = score(pack, rows, only=[member.number])[member.number]
        run.phases.add_tokens(f"score {split}", int(rows.lengths.sum()))
        predictions[split] = predictions_of(rows, scores, member.corpus.labels, is_expected_score=is_score)
    if run.processes.is_main:
        print("".join(f"{note}\n" for note in pack.notes if note not in run.record.cost["notes"]), end="")
    run.record.cost["notes"] = pack.notes
    return predictions
