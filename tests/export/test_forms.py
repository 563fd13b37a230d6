"""Whatever is trained and however it is read, an export says what training said."""

from __future__ import annotations

from pathlib import Path

import pytest

from export.finished_runs import exported, finished

CASES = {
    "rslora on attention": (["model.architecture=qwen3", "lora.scaling=rslora", "lora.targets=[attention]"], "adapter"),
    "dora on the top layer": (["model.architecture=bert", "lora.dora=true", "lora.top_layers=0.5"], "adapter"),
    "head of a frozen encoder": (["model.architecture=bert", "lora=frozen"], "adapter"),
    "head of a frozen encoder, other readout": (["model.architecture=modernbert", "lora=frozen"], "adapter"),
    "everything": (["model.architecture=modernbert", "lora=full"], "merged"),
    "mean of a decoder": (["head.pooling=mean", "lora.rank=4"], "adapter"),
    "first token of an encoder, everything": (["model.architecture=bert", "head.pooling=cls", "lora=full"], "merged"),
    "last token of a frozen decoder": (["head.pooling=last", "lora=frozen"], "adapter"),
    "quantised": (["lora=qlora", "model.architecture=qwen2", "prompt=chat"], "adapter"),
    "answers with embeddings adapted": (["head=generative", "lora.embeddings=true"], "adapter"),
    "answers over their prior": (["head=generative", "head.normalisation=prior", "prompt=chat"], "adapter"),
    "answers of a full model, per token": (["head=generative", "head.normalisation=length", "lora=full"], "merged"),
    "answers untrained": (["head=generative", "lora=frozen", "train.steps=0"], "merged"),
}


def passed(export: dict) -> None:
    assert export["status"] == "passed", export
    assert export["reason"] == ""
    assert all(check["largest"] < 1e-4 and not check["flips"] for check in export["gate"]["checks"].values())


@pytest.mark.parametrize("case", CASES)
def test_both_forms_say_what_training_said(case: str, tmp_path: Path, cache: Path, news: Path) -> None:
    overrides, form = CASES[case]
    record = finished(tmp_path / "run", cache, news, *overrides)
    assert record.status == "completed", record.error
    passed(record.export)
    assert record.export["form"] == form
    if case in ("everything", "first token of an encoder, everything", "answers of a full model, per token"):
        return
    other = exported(tmp_path / "run", cache, "merged")
    passed(other)
