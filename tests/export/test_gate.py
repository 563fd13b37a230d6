"""The gate catches what was broken between writing and serving, and says what differs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from export.finished_runs import finished
from headtohead.classifiers.reload import read_run
from headtohead.data import load_corpus
from headtohead.errors import UserError
from headtohead.export import gate, parity, published
from headtohead.export.subject import Subject
from headtohead.export.write import write_files
from headtohead.runs.run_export import gate as hold_gate
from headtohead.runs.run_export import prepare

FRESH = parity.ask_fresh_process


@dataclass(frozen=True)
class Written:
    """An export's files before the gate has seen them."""

    subject: Subject
    reference: parity.Reference
    folder: Path

    def judged(self, copy: Path, tamper: Callable[[Path], None], ask: parity.Ask = gate.answer) -> dict[str, Any]:
        """Break a copy and hold the gate."""
        shutil.copytree(self.folder, copy)
        tamper(copy)
        return hold_gate(self.subject, self.reference, copy, used="float32", ask=ask)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, cache: Path, news: Path) -> dict[str, Written]:
    """The same trained run as an adapter and as a whole model."""
    folder = tmp_path_factory.mktemp("gate")
    finished(folder / "run", cache, news, "train.steps=8", "export.form=none")
    corpus = load_corpus(read_run(folder / "run")[1].data, cache)
    found = {}
    for form in ("adapter", "merged"):
        subject, reference = prepare(folder / "run", form, corpus, cache)
        (folder / form).mkdir()
        write_files(subject, folder / form)
        found[form] = Written(subject, reference, folder / form)
    return found


def edit_weights(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    state = load_file(path)
    change(state)
    save_file(state, path, metadata={"format": "pt"})


def edit_config(folder: Path, **values: Any) -> None:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps(config | values), encoding="utf-8")


def weights_of(folder: Path) -> Path:
    return next(folder.glob("*model.safetensors"))


def head_name(state: dict[str, Any]) -> str:
    return next(name for name in state if name.endswith("score.weight"))


@pytest.mark.parametrize("form", ["adapter", "merged"])
def test_what_is_whole_passes(form: str, written: dict[str, Written], tmp_path: Path) -> None:
    found = written[form].judged(tmp_path / "copy", lambda folder: None)
    assert (found["status"], found["reason"]) == ("passed", "")
    whole = ["mixed batches", "the card's pipeline"] if form == "merged" else []
    assert set(found["gate"]["checks"]) == {"row by row", "the card's program", *whole}


@pytest.mark.parametrize("form", ["adapter", "merged"])
def test_a_dropped_head_is_named(form: str, written: dict[str, Written], tmp_path: Path) -> None:
    def drop(folder: Path) -> None:
        edit_weights(weights_of(folder), lambda state: state.pop(head_name(state)))

    found = written[form].judged(tmp_path / "copy", drop)
    assert found["status"] == "failed"
    assert "weights missing from the" in found["reason"]
    assert "score.weight" in found["reason"]


@pytest.mark.parametrize("form", ["adapter", "merged"])
def test_a_wrong_order_of_the_head_is_named(form: str, written: dict[str, Written], tmp_path: Path) -> None:
    def turn(folder: Path) -> None:
        edit_weights(
            weights_of(folder), lambda state: state.update({head_name(state): state[head_name(state)].flip(0)})
        )

    found = written[form].judged(tmp_path / "copy", turn)
    assert found["status"] == "failed"
    assert "the labels stand in another order, as if they were ['tech', 'sport', 'business']" in found["reason"]


def test_wrong_label_names_are_named(written: dict[str, Written], tmp_path: Path) -> None:
    names = {"0": "sport", "1": "business", "2": "tech"}
    found = written["merged"].judged(
        tmp_path / "copy",
        lambda folder: edit_config(folder, id2label=names, label2id={name: int(i) for i, name in names.items()}),
    )
    assert found["status"] == "failed"
    assert "the labels in config.json are ['sport', 'business', 'tech'], in training" in found["reason"]


def test_names_that_disagree_are_named(written: dict[str, Written], tmp_path: Path) -> None:
    wrong = {"sport": 0, "business": 1, "tech": 2}
    found = written["merged"].judged(tmp_path / "copy", lambda folder: edit_config(folder, label2id=wrong))
    assert "id2label and label2id disagree" in found["reason"]


def test_a_wrong_pad_token_is_named(written: dict[str, Written], tmp_path: Path) -> None:
    found = written["merged"].judged(tmp_path / "copy", lambda folder: edit_config(folder, pad_token_id=5))
    assert found["status"] == "failed"
    assert "the pad token is 5 in config.json and 0 in the tokenizer" in found["reason"]
    assert "rows agree one at a time but not in padded batches" in found["reason"]


def test_another_tokenizer_is_named(written: dict[str, Written], tmp_path: Path) -> None:
    def retokenise(folder: Path) -> None:
        path = folder / "tokenizer.json"
        stored = json.loads(path.read_text(encoding="utf-8"))
        stored["model"]["merges"] = stored["model"]["merges"][:20]
        path.write_text(json.dumps(stored), encoding="utf-8")

    found = written["merged"].judged(tmp_path / "copy", retokenise)
    assert "tokens to the exported tokenizer and" in found["reason"]


@pytest.mark.slow  # a fresh process
def test_a_fresh_process_answers_as_this_one_and_without_our_training_code(
    written: dict[str, Written], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPROFILEIMPORTTIME", "1")  # lists every import on standard error
    seen: list[str] = []
    run = parity.subprocess.run

    def listen(*arguments: Any, **options: Any) -> Any:
        done = run(*arguments, **options)
        seen.extend(
            line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time")
        )
        return done

    monkeypatch.setattr(parity.subprocess, "run", listen)
    found = written["adapter"].judged(tmp_path / "copy", lambda folder: None, ask=FRESH)
    assert found["status"] == "passed"
    ours = {name for name in seen if name.startswith("headtohead")}
    assert ours <= {
        "headtohead",
        "headtohead.quiet",  # of log levels alone
        *(f"headtohead.export{name}" for name in ("", ".gate", ".pooled_head", ".published", ".replay")),
    }
    assert "headtohead.export.replay" in ours


def test_a_process_that_dies_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(parity.sys, "executable", "/bin/sh")
    with pytest.raises(UserError, match="a fresh process cannot load the export"):
        FRESH({"folder": str(tmp_path)})


def test_a_process_that_is_killed_names_the_signal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nkill -ABRT $$\n")
    python.chmod(0o700)
    monkeypatch.setattr(parity.sys, "executable", str(python))
    with pytest.raises(UserError, match="killed by SIGABRT"):
        FRESH({"folder": str(tmp_path)})


@pytest.mark.parametrize(
    ("how", "change", "said"),
    [
        (
            published.PROGRAM,
            lambda code: code.replace("> 0 and (excess", "> 10**6 and (excess"),
            "the card's program: ",
        ),
        (
            published.PIPELINE,
            lambda code: code.replace("[prompt(text) for", "[render(text) for"),
            "the card's pipeline: ",
        ),
        (published.PIPELINE, lambda code: code.replace("truncation=True", "truncation=Yes"), "does not run: NameError"),
        (published.PROGRAM, lambda code: code.replace("softmax(dim=0)", "sigmoid()"), "the card's program: "),
    ],
    ids=["reads whole texts", "cuts the end instead", "does not run", "another link"],
)
def test_a_program_of_the_card_that_answers_otherwise_is_named(
    how: str, change: Callable[[str], str], said: str, written: dict[str, Written], tmp_path: Path
) -> None:
    def ask(request: dict[str, Any]) -> dict[str, Any]:
        changed = {**request["programs"], how: change(request["programs"][how])}
        assert changed != request["programs"]
        return gate.answer({**request, "programs": changed})

    found = written["merged"].judged(tmp_path / "copy", lambda folder: None, ask=ask)
    assert found["status"] == "failed"
    assert said in found["reason"]


def test_other_predictions_than_the_stored_ones_are_named(written: dict[str, Written], tmp_path: Path) -> None:
    """Weights and base agree with each other, and not with what was measured: predictions of another run, say."""
    turned = replace(written["adapter"].reference, stored=written["adapter"].reference.stored[:, ::-1])
    found = replace(written["adapter"], reference=turned).judged(tmp_path / "copy", lambda folder: None)
    assert found["status"] == "failed"
    assert "but not with the run's stored predictions" in found["reason"]
    assert found["gate"]["stored"] == {"precision": "float32", "moved": "largest", "tolerance": parity.TOLERANCE}
