"""What other sweepers break on, from the command line to the records: awkward texts, and their own configurations."""

from __future__ import annotations

import json
import shlex

import pytest
from hydra import compose, initialize_config_dir

from command_line import ROOT, CommandLine
from headtohead.sweeps.space.override_values import in_grammar, literal

pytestmark = pytest.mark.long
QUIET = ["export.form=none", "evaluate.baselines=false", "evaluate.resamples=100"]
TEMPLATES = [
    '{text}, it\'s "so" = {x}?',
    "line one\n\tline two: {text}",
    "${oc.env:HOME} {text} \\",
    "true, null, [a], {a: 1} {text}",
]


@pytest.mark.changed_meaning("text")
def test_awkward_prompts_arrive_in_processes_of_their_own(line: CommandLine) -> None:
    choices = ",".join(in_grammar(literal(template)) for template in TEMPLATES)
    line("-m", *QUIET, "hydra/launcher=local", "hydra.sweeper.n_jobs=2", f"prompt.template=choice({choices})")
    found = json.loads((line.folder() / "study.json").read_text())
    assert [trial["state"] for trial in found["trials"]] == ["complete"] * 4
    records = [line.record(line.folder() / trial["folder"]) for trial in found["trials"]]
    assert [record["config"]["prompt"]["template"] for record in records] == TEMPLATES
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        again = compose("config", overrides=shlex.split(found["best_command"])[2:])
    assert again.prompt.template == TEMPLATES[found["best"][0]]


@pytest.mark.changed_meaning("storage: null")
def test_the_published_plugins_example_runs(line: CommandLine) -> None:
    """The configuration of its ``example/sphere.yaml``, with keys that this project has."""
    published = [
        "hydra/sweeper=optuna",
        "hydra/sweeper/sampler=tpe",
        "hydra.sweeper.sampler.seed=123",
        "hydra.sweeper.direction=minimize",
        "hydra.sweeper.study_name=sphere",
        "hydra.sweeper.storage=null",
        "hydra.sweeper.n_trials=2",
        "hydra.sweeper.n_jobs=1",
        "+hydra.sweeper.params={train.learning_rate:'range(0.001,0.005,step=0.001)',lora.rank:'choice(2 ,4 ,8)'}",
    ]
    line("-m", *QUIET, *published)
    found = json.loads((line.outputs / "sphere" / "study.json").read_text())
    assert (line.outputs / "sphere" / "study.journal").exists()
    assert found["directions"] == ["minimize"]
    assert [trial["state"] for trial in found["trials"]] == ["complete"] * 2
    values = [trial["values"][0] for trial in found["trials"]]
    assert found["best"] == [values.index(min(values))]
