"""A run stands on what its base model held: other weights or another tokenizer under the same name are never taken for it."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from export.finished_runs import configured, finished, news_rows, write_rows
from headtohead.classifiers.base_model_check import train_again
from headtohead.errors import UserError
from headtohead.export import gate, parity
from headtohead.results import RunRecord
from headtohead.tasks import perform
from headtohead.tiny import tiny_checkpoint

pytestmark = pytest.mark.slow  # a run each
SETTINGS = ["model=path", "evaluate.test=false"]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parity, "ask_fresh_process", gate.answer)
    monkeypatch.setattr("headtohead.runs.lifecycle.write_report", lambda folder: None)
    monkeypatch.setattr(sys, "argv", ["run.py", "model=path", "data.name=my news"])  # as typed in a clone


@pytest.fixture(scope="module")
def news(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_rows(tmp_path_factory.mktemp("news") / "news.jsonl", news_rows(40))


@pytest.fixture
def base(tmp_path: Path, cache: Path) -> Path:
    return Path(shutil.copytree(tiny_checkpoint("llama", cache), tmp_path / "my_model"))


def in_place(path: Path, change: Callable[[Path], None]) -> None:
    """Change a file and give it its times back: name, size and date are what they were."""
    before = path.stat()
    change(path)
    assert path.stat().st_size == before.st_size
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_mtime_ns == before.st_mtime_ns


def other_weights(folder: Path, name: str = "model.safetensors") -> None:
    def change(path: Path) -> None:
        state = load_file(path)
        save_file({key: -tensor for key, tensor in state.items()}, path, metadata={"format": "pt"})

    in_place(folder / name, change)


def other_tokenizer(folder: Path) -> None:
    """Exchange two letters of the alphabet: nothing breaks, and every text is read otherwise."""

    def change(path: Path) -> None:
        text = json.loads(path.read_text(encoding="utf-8"))
        vocabulary = text["model"]["vocab"]
        vocabulary["e"], vocabulary["t"] = vocabulary["t"], vocabulary["e"]
        plain = path.read_text(encoding="utf-8")
        written = json.dumps(text, indent=2, ensure_ascii=False)
        path.write_text(written + " " * (len(plain.encode()) - len(written.encode())), encoding="utf-8")

    in_place(folder / "tokenizer.json", change)


def another_file(folder: Path) -> None:
    (folder / "added_tokens.json").write_text("{}")


def asked(task: str, run: Path, cache: Path, *overrides: str) -> None:
    perform(
        configured(f"task={task}", f"run={run}", f"paths.cache={cache}", *overrides), run / task, [], fingerprint="test"
    )


@pytest.mark.parametrize(
    ("change", "named"),
    [(other_weights, "model.safetensors"), (other_tokenizer, "tokenizer.json"), (another_file, "added_tokens.json")],
)
def test_a_changed_base_is_refused_wherever_the_run_is_read(
    tmp_path: Path, cache: Path, base: Path, news: Path, change: Callable[[Path], None], named: str
) -> None:
    run = tmp_path / "run"
    settings = [*SETTINGS, f"model.id={base}", "export.form=none"]
    record = finished(run, cache, news, *settings)
    assert set(record.model["source"]["content"]) >= {"model.safetensors", "tokenizer.json", "config.json"}
    finished(run, cache, news, *settings)  # what is there, shown again
    change(base)
    before = (run / "result.json").read_bytes()
    said = f"of path {base}, {named} holds something else. Put it back, or"
    with pytest.raises(UserError, match=said) as refused:
        finished(run, cache, news, *settings)
    assert "fresh=true" in str(refused.value)
    for task, more in (
        ("evaluate", []),
        ("export", ["export.form=adapter"]),
        ("predict", [f"task.input={news}", f"task.output={tmp_path / 'answers.jsonl'}"]),
    ):
        with pytest.raises(UserError, match=said) as refused:
            asked(task, run, cache, *more)
        assert str(refused.value).endswith("train again: python run.py model=path 'data.name=my news' fresh=true")
    assert (run / "result.json").read_bytes() == before
    assert not (tmp_path / "answers.jsonl").exists()
    assert not (run / "model").exists()


def test_a_run_that_was_killed_does_not_go_on_over_another_base(
    tmp_path: Path, cache: Path, base: Path, news: Path
) -> None:
    run = tmp_path / "run"
    settings = [*SETTINGS, f"model.id={base}", "export.form=none"]
    finished(run, cache, news, *settings)
    record = json.loads((run / "result.json").read_text())
    (run / "result.json").write_text(json.dumps(record | {"status": "interrupted"}))
    other_weights(base)
    for _ in range(2):  # and a refused attempt changes nothing of that
        with pytest.raises(UserError, match=r"model\.safetensors holds something else"):
            finished(run, cache, news, *settings)
    other_weights(base)
    assert finished(run, cache, news, *settings).status == "completed"


def test_a_symlinked_folder_and_shards_are_what_they_hold(tmp_path: Path, cache: Path, base: Path, news: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    sharded = tmp_path / "sharded"
    AutoModelForCausalLM.from_pretrained(base).save_pretrained(sharded, max_shard_size="100KB")
    AutoTokenizer.from_pretrained(base).save_pretrained(sharded)
    shards = sorted(sharded.glob("model-*.safetensors"))
    assert len(shards) > 1
    link = tmp_path / "link"
    link.symlink_to(sharded)
    run = tmp_path / "run"
    settings = [*SETTINGS, f"model.id={link}", "export.form=none"]
    finished(run, cache, news, *settings)
    other_weights(sharded, shards[-1].name)
    with pytest.raises(UserError, match=f"{shards[-1].name} holds something else"):
        asked("evaluate", run, cache)
    other_weights(sharded, shards[-1].name)
    asked("evaluate", run, cache)
    link.unlink()
    link.symlink_to(base)
    with pytest.raises(UserError, match="has changed since the run"):
        asked("evaluate", run, cache)


def test_weights_that_a_run_began_from_are_known_by_content(tmp_path: Path, cache: Path, news: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    settings = [*SETTINGS[1:], "export.form=none"]
    finished(first, cache, news, *settings)
    again = [*settings, f"model.adapter={first}", "seed=1"]
    record = finished(second, cache, news, *again)
    assert record.model["adapter"]
    weights = first / "trained.safetensors"
    with_labels = {"labels": '["business", "sport", "tech"]'}

    def negate(path: Path) -> None:
        state = {name: -tensor for name, tensor in load_file(path).items()}
        save_file(state, path, metadata=with_labels)

    in_place(weights, negate)
    with pytest.raises(UserError, match=r"the weights of model\.adapter=.* have changed since .* began from them"):
        finished(second, cache, news, *again)
    asked("evaluate", second, cache)  # whose own weights hold all that it needs
    in_place(weights, negate)
    finished(second, cache, news, *again)


def test_what_is_kept_of_a_model_from_run_to_run_is_known_by_content(
    tmp_path: Path, cache: Path, base: Path, news: Path
) -> None:
    from headtohead.labels import LabelSpace
    from headtohead.runs.packs.resource_cache import Shelf
    from tiny_runs import ALONE

    config = configured("model=path", f"model.id={base}", "data=files", f"data.source.name={news}")
    labels = LabelSpace(kind="single", names=("a", "b"), words=("a", "b"), descriptions=("", ""), values=())
    shelf = Shelf()
    one = shelf.backbone(config, labels, width=2, cache=cache, processes=ALONE)
    assert shelf.backbone(config, labels, width=2, cache=cache, processes=ALONE) is one
    other_weights(base)
    other = shelf.backbone(config, labels, width=2, cache=cache, processes=ALONE)
    assert other is not one
    table, turned = (model.model.get_input_embeddings().weight for model in (one, other))
    assert torch.equal(table, -turned)


@pytest.mark.parametrize("name", ["roberta-base", "bert"])
def test_a_folder_of_another_architecture_than_its_label_is_refused(
    tmp_path: Path, cache: Path, base: Path, news: Path, name: str
) -> None:
    with pytest.raises(UserError, match=f"model.name={name} is a label and loads nothing: .* holds a llama"):
        finished(tmp_path / "run", cache, news, *SETTINGS, f"model.id={base}", f"model.name={name}")


def test_a_folder_under_another_name_is_noticed(tmp_path: Path, cache: Path, base: Path, news: Path) -> None:
    record = finished(
        tmp_path / "run", cache, news, *SETTINGS, f"model.id={base}", "model.name=ours", "export.form=none"
    )
    (notice,) = [notice for notice in record.notices if "is a label" in notice["text"]]
    assert notice["text"] == f"model.name=ours is a label: what is loaded is {base} (llama)"
    assert notice["command"] == f"model=path model.id={base}"


def test_a_record_of_an_earlier_version_names_the_script_alone() -> None:
    for noted, typed in (("run.py a=b", "python run.py a=b"), ("headtohead a=b", "headtohead a=b")):
        record = RunRecord(name="n", fingerprint="f", status="completed", config={}, provenance={"command": noted})
        assert train_again(record) == f"train again: {typed} fresh=true"
