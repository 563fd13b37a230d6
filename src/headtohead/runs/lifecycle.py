"""Train one classifier, score it, record it, export it: the composition root of a run."""

from __future__ import annotations

import shlex
import time
from collections.abc import Generator, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path

from headtohead import atomic
from headtohead.batching.encode import EncodedRows
from headtohead.classifiers.base_model_check import refuse_changed_files
from headtohead.classifiers.split_scoring import evaluate_splits, score_baselines, selection_metric, validation_metrics
from headtohead.config import Config
from headtohead.config.data import SplitConfig
from headtohead.console.status_lines import doing
from headtohead.data import Corpus, load_corpus, source_content
from headtohead.errors import Diverged, Interrupted, Pruned, UserError, is_disk_full
from headtohead.evaluation import HIGHER_IS_BETTER, fit_temperature, on_few_rows, worst_rows
from headtohead.grammar import typed_command
from headtohead.notices import Notice
from headtohead.packages import require_packages
from headtohead.provenance import (
    code_fingerprint,
    git_state,
    hardware,
    package_versions,
    peak_memory_bytes,
    reset_peak_memory,
)
from headtohead.reporting import write_report
from headtohead.reporting.page import render_run
from headtohead.reporting.stored_run import read_folder
from headtohead.results import Predictions, RunRecord, join, run_folder, write_predictions
from headtohead.results.record import Status, json_ready
from headtohead.runs.advice import advice
from headtohead.runs.packs.pack_scheduler import Training, alone
from headtohead.runs.packs.resource_cache import Shelf
from headtohead.runs.packs.training_request import Member
from headtohead.runs.phases import Phases
from headtohead.runs.run import Run, SweepLink
from headtohead.runs.run_summary import print_summary
from headtohead.runs.stop_request import StopRequest
from headtohead.runs.tracker_payloads import finish_tracking
from headtohead.sources import cache_root
from headtohead.tracking import Membership
from headtohead.tracking.wandb_run import new_run_id
from headtohead.training import Processes

FINISHED = ("completed", "pruned")
"""Statuses of a run that no command continues."""
WORST_ROWS = 50
SMALL_ROWS = 1000
FOLDS = Notice(
    text=f"fewer than {SMALL_ROWS:,} rows: the numbers of one split are a matter of luck. Repeated cross-validation: add",
    command="-m data.split.folds=5 data.split.repeats=3",
    leads=False,
)


def train(
    config: Config,
    folder: Path,
    fingerprint: str,
    sweep: SweepLink | None = None,
    membership: Membership | None = None,
) -> RunRecord:
    """Do a training run in ``folder`` by itself, continuing or returning what stands there.

    Raises:
        UserError: whatever the user can mend; the record then has status ``failed`` and the message.
        Diverged: non-finite numbers; status ``diverged``.
        Interrupted: asked to stop by SIGTERM; status ``interrupted``, and the same command goes on.
    """
    stop = StopRequest()
    with stop.heard():
        return alone(training(config, folder, fingerprint, Shelf(keeps=False), sweep, membership), stop)


def training(
    config: Config,
    folder: Path,
    fingerprint: str,
    shelf: Shelf,
    sweep: SweepLink | None = None,
    membership: Membership | None = None,
    command: Sequence[str] = (),
) -> Training:
    """Return a run as ``runs.packs.pack_scheduler`` takes it: it yields itself where it is to be trained, and returns its record.

    Args:
        shelf: what is kept from run to run.
        sweep: hears of evaluations, and may stop the run.
        membership: what the run is within a sweep.
        command: that asked for it, for the record; this process's own where none is given.

    Raises:
        UserError: as ``train``, and so on.
    """
    processes = Processes.current()
    with run_folder.claim(folder) if processes.is_main else nullcontext():
        if config.fresh and processes.is_main:
            run_folder.clear(folder)
        processes.wait()
        earlier = run_folder.earlier_record(folder)
        if earlier and run_folder.holds_results(folder):
            run_folder.refuse_changes(earlier, folder, code=code_fingerprint())
        if earlier and earlier.status in FINISHED:
            refuse_changed_files(config, earlier, folder, cache_root(config.paths.cache))
            _refuse_changed_data(config, folder, earlier)
            if processes.is_main and not run_folder.page_is_current(folder):  # killed between record and page
                write_report(folder)
            if processes.is_main and not config.paths.keep_checkpoints:  # killed between page and here
                run_folder.drop_checkpoints(folder)
            if processes.is_main:
                print_summary(earlier, folder, note="finished earlier; fresh=true starts anew")
            return earlier
        processes.wait()
        reset_peak_memory()
        run = Run(
            config=config,
            folder=folder,
            cache=cache_root(config.paths.cache),
            record=_new_record(config, folder, fingerprint, earlier, membership, processes, command or typed_command()),
            processes=processes,
            phases=Phases.after(earlier.cost if earlier else {}, is_told=processes.is_main),
            sweep=sweep,
            membership=membership,
        )
        yield from _attempt(run, earlier, shelf)
        if processes.is_main and run.record.status in FINISHED and not config.paths.keep_checkpoints:
            run_folder.drop_checkpoints(folder)
        if run.record.status == "pruned":
            return run.record
        if processes.is_main:  # the others are done: a barrier here would time out on long evaluations and exports
            print_summary(run.record, folder)
        if run.record.status == "failed":
            raise UserError(f"{run.record.error}. Everything else of this run is in {folder}")
        return run.record


def _refuse_changed_data(config: Config, folder: Path, earlier: RunRecord) -> None:
    """Refuse to show a finished run for files that hold other rows by now.

    What is fetched is pinned, a wheel by its hash and a hub data set by the commit in the record, and may be out of
    reach by now; files on this disk are read whole only where their bytes have changed.
    """
    if config.data.source.kind != "path":
        return
    cache = cache_root(config.paths.cache)
    if source_content(config.data, cache) != earlier.data["source"]["content"]:
        run_folder.refuse_changes(earlier, folder, data=load_corpus(config.data, cache).fingerprint)


def _new_record(
    config: Config,
    folder: Path,
    fingerprint: str,
    earlier: RunRecord | None,
    membership: Membership | None,
    processes: Processes,
    command: Sequence[str],
) -> RunRecord:
    return RunRecord(
        name=config.name,
        fingerprint=fingerprint,
        status="running",
        config=json_ready(asdict(config)),
        attempt=earlier.attempt + 1 if earlier else 1,
        test_reads=earlier.test_reads if earlier else 0,
        trial=membership.named if membership else None,
        data=dict(earlier.data) if earlier else {},
        model=dict(earlier.model) if earlier else {},
        tracking={"wandb_id": new_run_id(folder.name), **(earlier.tracking if earlier else {})},
        provenance={
            "code": code_fingerprint(),
            "git": git_state(),
            "packages": package_versions(),
            "hardware": hardware(),
            "processes": processes.count,
            "command": shlex.join(command),
            "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        },
    )


def _attempt(run: Run, earlier: RunRecord | None, shelf: Shelf) -> Generator[Member, None, None]:
    """Do the steps; whatever ends them early is recorded."""
    try:
        run.save()
        yield from _steps(run, earlier, shelf)
    except Pruned as stop:
        _end(run, "pruned", str(stop))
    except BaseException as error:
        if not (isinstance(error, Interrupted) and run.record.status == "completed"):  # only its page is missing
            _fail(run, error)
        raise


def _fail(run: Run, error: BaseException) -> None:
    status: Status = "failed"
    if isinstance(error, Diverged):
        status = "diverged"
    elif isinstance(error, KeyboardInterrupt | Interrupted | GeneratorExit) or is_disk_full(error):
        status = "interrupted"  # no fault of the configuration
    _end(run, status, f"{type(error).__name__}: {error}")


def _end(run: Run, status: Status, reason: str) -> None:
    """Record a run that ends early."""
    run.record.status, run.record.error = status, reason
    try:
        finish_tracking(run)
        run.save()
        write_report(run.folder)
    except OSError as disk:  # a full disk must not hide why the run failed
        print(f"the record could not be written: {disk}")


def _steps(run: Run, earlier: RunRecord | None, shelf: Shelf) -> Generator[Member, None, None]:
    require_packages(run.config)
    with run.phases.phase("data"):
        corpus = shelf.corpus(run.config, run.cache)
    if earlier and run_folder.holds_results(run.folder):
        run_folder.refuse_changes(earlier, run.folder, data=corpus.fingerprint)
    metric = selection_metric(run.config.train.metric, corpus.labels)  # a mistyped one is refused before any training
    run.record.objective = {
        "name": f"validation/{metric}",
        "value": None,
        "direction": "maximize" if HIGHER_IS_BETTER[metric] else "minimize",
    }
    _describe_data(run, corpus)
    run.save()
    for notice in (*run.config.recognised, *corpus.notices):
        run.notice(notice)
    if _is_small(run.config, corpus):
        run.notice(FOLDS)
    if run.config.data.split.folds and run.membership is None:
        run.notice(_fold_alone(run.config.data.split))
    if run.config.model.kind == "tfidf":
        from headtohead.runs.tfidf_run import fit_tfidf_run

        predictions, encoded = fit_tfidf_run(run, corpus)
    else:
        from headtohead.runs.language_model_run import fit_model

        predictions, encoded = yield from fit_model(run, corpus, shelf)
    if run.processes.is_main:
        _conclude(run, corpus, predictions, encoded)


def _describe_data(run: Run, corpus: Corpus) -> None:
    run.record.data = {
        "name": run.config.data.name,
        "source": corpus.source,
        "fingerprint": corpus.fingerprint,
        "labels": corpus.labels.as_dict(),
        **corpus.ledger,
    }


def _fold_alone(split: SplitConfig) -> Notice:
    """Return what a run by itself is of a cross-validation, with the sweep that is all of it."""
    return Notice(
        text=f"fold {split.fold} of {split.folds} alone, which is a part of a cross-validation; for all of it "
        "leave data.split.fold and data.split.repeat out and add",
        command=f"-m data.split.folds={split.folds} data.split.repeats={split.repeats}",
    )


def _is_small(config: Config, corpus: Corpus) -> bool:
    """Whether a run that cuts and reads its own test split would do better with repeated cross-validation."""
    is_cut_here = not config.data.split.folds and not config.data.test_names and "test" in corpus.tests
    return is_cut_here and config.evaluate.test and sum(corpus.ledger["rows"].values()) < SMALL_ROWS


def _conclude(run: Run, corpus: Corpus, predictions: dict[str, Predictions], encoded: dict[str, EncodedRows]) -> None:
    """Evaluate, compare with the baselines, write predictions, record and page."""
    config, record = run.config, run.record
    metric = selection_metric(config.train.metric, corpus.labels)
    with run.phases.phase("evaluate"):
        record.calibration = fit_temperature(predictions["validation"])
        temperature = float(record.calibration["temperature"])
        evaluate_splits(record, predictions, temperature=temperature, resamples=config.evaluate.resamples)
        value = validation_metrics(predictions["validation"], metric)[metric]
    record.objective["value"] = value
    if (few := on_few_rows(record.calibration)) is not None:
        run.notice(few)
    if config.evaluate.baselines:
        with run.phases.phase("baselines"):
            score_baselines(
                record,
                predictions,
                encoded["train"],
                encoded,
                words=corpus.words,
                most_rows=config.evaluate.baseline_rows,
                resamples=config.evaluate.resamples,
                seed=config.seed,
            )
    if (told := advice(config, record)) is not None:
        run.notice(told)
    write_predictions(run.folder / run_folder.PREDICTIONS, join(list(predictions.values())))
    _write_examples(run.folder, predictions, encoded)
    record.cost["peak_memory_bytes"] = peak_memory_bytes()
    record.provenance["finished"] = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    if config.export.form != "none":
        with run.phases.timed("export"):
            from headtohead.runs.run_export import export_run

            export_run(run, corpus)
    reason = record.export.get("reason")
    record.status, record.error = ("failed", f"export failed: {reason}") if reason else ("completed", None)
    with run.phases.phase("report"):
        found = read_folder(run.folder, record)
        page = render_run(found, beside=run.folder)
        elsewhere = render_run(found) if config.track.wandb != "disabled" else ""
    with doing("telling the trackers", is_told=run.config.track.wandb != "disabled"):
        finish_tracking(run, elsewhere, predictions, encoded)
    run.save()
    atomic.write_text(run.folder / run_folder.PAGE, page)


def _write_examples(folder: Path, predictions: dict[str, Predictions], encoded: dict[str, EncodedRows]) -> None:
    """Keep the texts of the most confidently wrong rows of every split, for the page."""
    rows: dict[str, str] = {}
    for split, own in predictions.items():
        for row in worst_rows(own, WORST_ROWS):
            rows[str(own.row_id[row])] = encoded[split].rows[int(row)]["text"][:2000]
    atomic.write_json(folder / run_folder.EXAMPLES, {"rows": rows})
