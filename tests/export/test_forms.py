"""Whatever is trained, both forms say what training said."""

from __future__ import annotations

from pathlib import Path

import pytest

from tiny_runs import finished

CASES = {
    "lora": ["lora.rank=4"],
    "lora_merged": ["lora.rank=4", "export.form=merged"],
    "rslora": ["lora.rank=4", "lora.scaling=rslora", "lora.targets=[attention]", "model.architecture=qwen3"],
    "dora": ["lora.rank=4", "lora.dora=true", "lora.top_layers=0.5"],
}


@pytest.mark.parametrize("case", CASES)
def test_an_export_says_what_training_said(case: str, tmp_path: Path, cache: Path, news: Path) -> None:
    record = finished(tmp_path / "run", cache, news, *CASES[case])
    assert record.export["status"] == "passed", record.export
    assert record.status == "completed"
