"""An export of a base that brings code of its own carries none of it, and its card asks for none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from checkpoints.made_up_checkpoints import RAN, edit, with_code
from export.finished_runs import exported, finished

pytestmark = [pytest.mark.usefixtures("no_page"), pytest.mark.slow]  # a run and two exports


@pytest.mark.parametrize("head", [["head=classification"], ["head=generative"], ["head.pooling=mean"]])
def test_neither_run_nor_carried_nor_asked_for(tmp_path: Path, cache: Path, news: Path, head: list[str]) -> None:
    base = with_code(tmp_path / "base", cache, model=False)
    edit(base / "config.json", auto_map={"AutoConfig": "own.OwnConfig", "AutoModelForCausalLM": "own.OwnCausal"})
    edit(base / "tokenizer_config.json", auto_map={"AutoTokenizer": [None, "own.OwnTokenizer"]})
    run = tmp_path / "run"
    assert finished(run, cache, news, "model=path", f"model.id={base}", *head).export["status"] == "passed"
    for form in ("adapter", "merged"):
        assert exported(run, cache, form)["reason"] == ""
        card = (run / "model/README.md").read_text(encoding="utf-8")
        assert "trust_remote_code=True" not in card
        for file in (run / "model").glob("*.json"):
            assert "auto_map" not in json.loads(file.read_text(encoding="utf-8")), file
    assert not (base / RAN).exists()
