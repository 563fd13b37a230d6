"""Write ``model/`` of a run, prove it in a fresh process, and say in the record how that went."""

from __future__ import annotations

import gc
import traceback
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from headtohead import atomic, traces
from headtohead.backbone import resolve_dtype
from headtohead.checkpoints import fetch_model, never_asking
from headtohead.classifiers.base_model_check import as_recorded, refuse_another_base, train_again
from headtohead.classifiers.reload import Reloaded, read_run, reload_run
from headtohead.config import Config, FullConfig, build_config
from headtohead.console.status_lines import doing
from headtohead.data import Corpus, load_corpus
from headtohead.errors import UserError
from headtohead.export import parity
from headtohead.export.card import write_card
from headtohead.export.snippet import programs
from headtohead.export.subject import Subject
from headtohead.export.write import write_files
from headtohead.prompts import Message
from headtohead.reporting import write_report
from headtohead.results import RunRecord, read_predictions, run_folder, write_record
from headtohead.runs.phases import WORDS
from headtohead.runs.run import Run
from headtohead.runs.tfidf_run_export import export_tfidf
from headtohead.sources import Fetched, cache_root
from headtohead.training import Processes, load_weights, score_prompts

if TYPE_CHECKING:
    from datasets import Dataset


def export_run(run: Run, corpus: Corpus) -> None:
    """Export a run that has just been scored; what goes wrong is said in the record and loses nothing else."""
    run.save()
    _free_memory()  # of the pack that trained: the export loads its own
    run.record.export = export_folder(run.folder, run.record, run.config.export.form, corpus, run.cache)


def export_again(config: Config) -> RunRecord:
    """Export a finished run once more, in the form that ``export.form`` names.

    Raises:
        UserError: the run cannot be read, its data have changed, or the export fails.
    """
    assert config.run is not None
    folder = Path(config.run)
    with run_folder.claim(folder):
        record, stored = read_run(folder)
        if config.export.form == "none":
            raise UserError("task=export writes model/: set export.form to adapter, merged or auto")
        cache = cache_root(config.paths.cache or stored.paths.cache)
        if stored.model.kind != "tfidf":
            base = fetch_model(as_recorded(stored, record).model, cache)
            refuse_another_base(record, base.content, folder, mend=train_again(record))
        with doing(WORDS["data"]):
            corpus = load_corpus(stored.data, cache)
        run_folder.refuse_changes(record, folder, data=corpus.fingerprint)
        record.export = export_folder(folder, record, config.export.form, corpus, cache, config.export.gate_rows)
        _settle_status(record)
        write_record(folder / run_folder.RECORD, record)
        write_report(folder)
    if record.export["reason"]:
        raise UserError(f"export failed: {record.export['reason']}")
    print(f"{record.export['form']}: {folder / run_folder.MODEL}")
    return record


def _settle_status(record: RunRecord) -> None:
    """Let the new export decide, unless something else went wrong in the run."""
    if record.status == "completed" or (record.error or "").startswith("export failed"):
        reason = record.export["reason"]
        record.status = "failed" if reason else "completed"
        record.error = f"export failed: {reason}" if reason else None


def export_folder(
    folder: Path, record: RunRecord, form: str, corpus: Corpus, cache: Path, gate_rows: int | None = None
) -> dict[str, Any]:
    """Write ``model/`` of a run's folder if its gate lets it pass; a failed one leaves an earlier ``model/`` alone.

    Returns:
        The record's ``export`` section: ``form``, ``status``, ``reason``, ``gate``, ``drift`` and ``files``.
    """
    try:
        stored = build_config(record.config)
        if stored.model.kind == "tfidf":
            with doing(WORDS["export"]):
                return export_tfidf(folder, record, form, corpus, gate_rows or stored.export.gate_rows)
        subject, reference = prepare(folder, form, corpus, cache, gate_rows)
        _free_memory()
        with never_asking(), atomic.new_folder(folder / run_folder.MODEL) as temporary:
            with doing("export, step 3 of 4: writing the files"):
                write_files(subject, temporary)
            rows = len(reference.texts)
            with doing(f"export, step 4 of 4: checking {rows} rows in a fresh process"):
                found = gate(subject, reference, temporary, used=str(record.model["dtype"]))
            found |= {"form": subject.form, "readout": subject.readout}
            if found["reason"]:
                raise UserError(found["reason"])
            predictions = read_predictions(folder / run_folder.PREDICTIONS)
            write_card(subject, replace(record, export=found), predictions, temporary)
            return found | {"files": {file.name: file.stat().st_size for file in sorted(temporary.iterdir())}}
    except UserError as error:
        return {"form": form, "status": "failed", "reason": str(error)}
    except Exception as error:  # the last step of a run: record, predictions and page must survive any bug in it
        if traces.wanted():
            traceback.print_exc()
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        return {"form": form, "status": "failed", "reason": reason, "trace": traceback.format_exc()}


def prepare(
    folder: Path, form: str, corpus: Corpus, cache: Path, gate_rows: int | None = None
) -> tuple[Subject, parity.Reference]:
    """Gather what is exported and what training says of the gate's rows, in fp32 over the unquantised base."""
    record, stored = read_run(folder)
    base = fetch_model(as_recorded(stored, record).model, cache)
    alone = Processes(rank=0, count=1, device=torch.device(_roomy_device(base.path)))
    with doing("export, step 1 of 4: loading the model in full precision"):
        reloaded = reload_run(folder, cache=str(cache), exact=alone)
        subject = _subject(reloaded, replace(stored, export=replace(stored.export, form=form)), base)
    rows = gate_rows or stored.export.gate_rows
    with doing(f"export, step 2 of 4: scoring up to {rows} rows to compare with"):
        return subject, _reference(reloaded, subject, corpus, rows)


def _subject(reloaded: Reloaded, config: Config, base: Fetched) -> Subject:
    return Subject(
        config=config,
        labels=reloaded.labels,
        prompt=reloaded.reader.prompt,
        audit=reloaded.reader.audit,
        budget=reloaded.reader.encoder.budget,
        link=reloaded.pack.trials[0].link,
        width=int(reloaded.record.model["width"]),
        base=base,
        tokenizer=reloaded.backbone.tokenizer,
        trained=load_weights(reloaded.folder / run_folder.WEIGHTS, labels=reloaded.labels.names),
        temperature=float(reloaded.record.calibration.get("temperature", 1.0)),
    )


def _reference(reloaded: Reloaded, subject: Subject, corpus: Corpus, count: int) -> parity.Reference:
    """Score evenly spread rows of the first test set; of validation where no test set was scored."""
    predictions = read_predictions(reloaded.folder / run_folder.PREDICTIONS)
    scored = [name for name in corpus.tests if (predictions.split == name).any()]
    own = predictions.of_split(scored[0] if scored else "validation")
    rows = corpus.tests[scored[0]] if scored else corpus.validation
    assert list(own.row_id) == list(rows["row_id"][:])
    chosen = np.unique(np.linspace(0, len(rows) - 1, num=min(count, len(rows))).round().astype(int))
    given = _inputs(reloaded, rows, chosen)
    given.append(_without_end(reloaded, given))
    texts = [reloaded.reader.encoder.rendered(text, turns) for text, turns in given]
    published = _longest_and_shortest([len(text) for text, _ in given])
    reads_turns = subject.config.data.fields.messages is not None and subject.prompt.render_chat is not None
    ids = reloaded.reader.encoder.ids(texts)
    lengths = np.asarray([len(row) for row in ids])
    scores = score_prompts(reloaded.pack, lengths, lambda index: [ids[int(i)] for i in index])[0]
    names_columns = subject.form == "merged" and subject.readout == "native"
    return parity.Reference(
        labels=reloaded.labels,
        texts=texts,
        tokens=ids,
        scores=scores,
        is_expected_score=subject.link == "identity",
        names=subject.output_names if names_columns else None,
        stored=own.scores[chosen],
        row_ids=[*(str(name) for name in own.row_id[chosen]), "of a text without end"],
        precision=_measured_in(reloaded.record, subject.config),
        published=published,
        inputs=[given[row][int(reads_turns)] for row in published],
    )


Given = tuple[str, "list[Message] | None"]
"""A text, and the conversation that it came from."""


def _inputs(reloaded: Reloaded, rows: Dataset, chosen: np.ndarray) -> list[Given]:
    """Return rows as the data hold them."""
    taken = rows[[int(i) for i in chosen]]
    return list(zip(taken["text"], taken.get("messages") or [None] * len(chosen), strict=True))


def _without_end(reloaded: Reloaded, given: list[Given]) -> Given:
    """Return a row that is several times as long as the model reads: whoever reads it whole answers otherwise, or fails."""
    text, turns = max(given, key=lambda row: len(row[0]))
    endless = f"{text or 'text'} " * (4 * reloaded.reader.encoder.budget // (len(text.split()) + 1) + 1)
    return endless, [*turns[:-1], {**turns[-1], "content": endless}] if turns else None


def _longest_and_shortest(lengths: list[int]) -> list[int]:
    """Return some rows by number: programs of a card are replayed on the CPU, one row at a time."""
    order = np.argsort(lengths, kind="stable")
    return sorted({int(order[0]), int(order[len(order) // 2]), *(int(row) for row in order[-2:])})


def _measured_in(record: RunRecord, config: Config) -> str:
    """Return the precision in which a run was scored; of runs that do not say, the lower one that it may have been."""
    if config.lora.quantisation == "nf4":
        return "nf4"
    if isinstance(config.lora, FullConfig):  # its weights are in fp32, and its products may not be
        return str(record.model.get("products") or ("float32" if config.model.precision == "fp32" else "bfloat16"))
    return str(record.model["dtype"])


def gate(
    subject: Subject, reference: parity.Reference, folder: Path, *, used: str, ask: parity.Ask | None = None
) -> dict[str, Any]:
    """Replay the reference's rows through an exported folder in a fresh process.

    Args:
        used: dtype of the trunk in training.
        ask: stands in for the fresh process.
    """
    request = {
        "folder": str(folder),
        "base": str(subject.base.path),
        "texts": reference.texts,
        "programs": programs(subject),
        "inputs": reference.inputs,
        "dtypes": ["float32", *_lower_dtypes(subject, used)],
        "device": _roomy_device(subject.base.path),
    }
    answer = (ask or parity.ask_fresh_process)(request)
    found = parity.compare(reference, answer)
    return {
        "status": "passed" if found.pop("passed") else "failed",
        "reason": found.pop("reason"),
        "gate": found,
        "drift": parity.drift(reference, answer),
    }


def _lower_dtypes(subject: Subject, used: str) -> list[str]:
    """Return the lower precisions in which the model was run, or is loaded by default."""
    from transformers import AutoConfig

    trusted = subject.config.model.trust_remote_code
    found = {used}
    if isinstance(subject.config.lora, FullConfig):
        found.add(_name(resolve_dtype(subject.config.model.precision, Processes.current().device)))
    if subject.form == "adapter":
        found.add(_name(AutoConfig.from_pretrained(subject.base.path, trust_remote_code=trusted).dtype))
    return sorted(found & {"bfloat16", "float16"})


def _name(dtype: torch.dtype | None) -> str:
    return str(dtype).removeprefix("torch.")


def _roomy_device(base: Path) -> str:
    """Return cuda where the base model fits in fp32, else cpu."""
    if not torch.cuda.is_available():
        return "cpu"
    size = sum(file.stat().st_size for file in base.glob("*.safetensors"))  # bf16 files double in fp32
    return "cuda" if torch.cuda.mem_get_info()[0] > 3 * size else "cpu"


def _free_memory() -> None:
    """Hand GPU memory of models that are no longer used back to the device, where a fresh process can have it."""
    if torch.cuda.is_available():
        gc.collect()
        torch.cuda.empty_cache()
