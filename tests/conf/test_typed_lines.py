"""What Hydra's grammar refuses is refused with the line to type, which a shell and Hydra then take for what was meant."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from command_line import ROOT, write_rows
from headtohead.errors import UserError
from headtohead.grammar import typed_mapping
from headtohead.hydra_io.command_line import understood
from headtohead.hydra_io.composition import parsed
from headtohead.hydra_io.refused_settings import explain_composition
from headtohead.hydra_io.schema import run_folder, to_typed
from headtohead.hydra_io.unreadable_values import is_readable, readable_forms, split

CONF = ROOT / "conf"


def through_a_shell(line: str) -> list[str]:
    """Return the arguments that bash makes of a line."""
    shown = "import json, sys; print(json.dumps(sys.argv[1:]))"
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -c '{shown}' {line}"], check=True, capture_output=True, text=True
    )
    found: list[str] = json.loads(done.stdout)
    return found


def advised(*arguments: str) -> list[str]:
    """Return the indented lines of the refusal."""
    with pytest.raises(UserError) as refused:
        understood(arguments, CONF)
    return [line.strip() for line in str(refused.value).splitlines() if line.startswith("    ")]


def meaning(arguments: list[str]) -> tuple[str, Any]:
    (override,) = OverridesParser.create().parse_overrides(understood(arguments, CONF))
    value = override.value()
    return override.get_key_element(), getattr(value, "text", value)


TEXTS = [
    "a=b", "Is it good? x=1, y=2", "café.csv", "отзывы.csv", "レビュー.jsonl", "a (1).csv", "it's", 'say "no"', "#1.csv", "a;b",
    "{text}", "{text} => ", "Text: {text}  Label:", "a & b", "back\\slash=1", "a|b=c", "100%=all", "[draft", "name]", "<s>{text}",
    "ends with quote'", "'\"=", "!important", "^caret", "\u200binvisible", "tab\there=1", "a:=b",
]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("flag", [[], ["-m"]], ids=["run", "-m"])
def test_the_line_that_is_shown_means_what_was_given(text: str, flag: list[str]) -> None:
    line = advised(*flag, f"prompt.template={text}")[0]
    assert meaning(through_a_shell(line)) == ("prompt.template", text.strip())


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1))
def test_whatever_was_given_some_line_says_it(text: str) -> None:
    forms = readable_forms(f"prompt.template={text}")
    assert forms
    for form in forms.values():
        OverridesParser.create().parse_overrides([form])
    if "as one text" in forms and text.strip()[:1] not in "\"'~":
        assert meaning([forms["as one text"]]) == ("prompt.template", text.strip())


def test_a_list_is_quoted_item_by_item() -> None:
    (line,) = advised("data.labels.names=[très bon, 'a, b', 3, x=y]")
    assert meaning(through_a_shell(line))[1] == ["très bon", "a, b", 3, "x=y"]
    assert split("a,[b,c],'d,e',it's,f") == ["a", "[b,c]", "'d,e'", "it's", "f"]


def test_a_mapping_is_quoted_where_it_is_nested() -> None:
    given = "hydra.sweeper.arms={a: [model=tfidf], b: {overrides: [model=tiny, train.steps=5], params: {lora.rank: 4}}}"
    (form,) = readable_forms(given).values()
    assert parsed(form).value() == {
        "a": ["model=tfidf"],
        "b": {"overrides": ["model=tiny", "train.steps=5"], "params": {"lora.rank": 4}},
    }
    assert list(readable_forms("data.labels.map={a: it = b}")) == ["as a mapping"]
    assert "as the values of a sweep, with -m" in readable_forms("a={b: c=d},{e: f=g}")
    assert "as a list" not in readable_forms("data.fields.text=[année],[größe]") or parsed(
        readable_forms("data.fields.text=[année],[größe]")["as a list"]
    ).value() == [["année"], ["größe"]]
    assert "as one text" in readable_forms("prompt.template={text} = what")


def test_what_the_shell_cut_is_put_together() -> None:
    assert advised("data.fields.label=[food,", "service,", "price]") == ["'data.fields.label=[food, service, price]'"]
    with pytest.raises(UserError, match=r"quote both as one: 'data.source.name=my reviews.csv'"):
        understood(["data=files", "data.source.name=my", "reviews.csv"], CONF)
    with pytest.raises(UserError, match="without spaces: model=tfidf"):
        understood(["model", "=", "tfidf"], CONF)


def test_the_home_folder_is_written_out() -> None:
    assert advised("data.source.name=~/x.csv") == [f"data.source.name={Path.home()}/x.csv"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["tfidf"], "model=tfidf"),
        (["mmlu_pro"], "data=mmlu_pro or prompt=mmlu_pro"),
        (["export"], "task=export"),
        (["reviews.csv"], "data=files data.source.name=reviews.csv"),
        (["--multrun"], "did you mean '--multirun'"),
        (["--mulitrun", "seed=0,1"], "did you mean '--multirun'"),
        (["--model=tfidf"], "as in model=tfidf"),
        (["--learning-rate=3e-4"], "as in train.learning_rate=3e-4"),
        (["--lr", "3e-4"], "as in train.learning_rate=<value>"),
        (["-m", "--cfg", "job"], "leave -m out"),
        (["track=false"], "here it is track=off"),
        (["track=null"], "here it is track=off"),
        (["lora=none"], ""),
        (["lora.rank=choice("], "as in 'lora.rank=choice(4,8)'"),
        (["модель=tfidf"], "is no setting"),
    ],
)
def test_what_else_people_type(arguments: list[str], said: str) -> None:
    if not said:
        assert understood(arguments, CONF) == arguments
        return
    with pytest.raises(UserError) as refused:
        understood(arguments, CONF)
    assert said in str(refused.value)


def test_options_stand_anywhere() -> None:
    assert understood(["model=tfidf", "-m", "seed=0,1", "-cd", "mine", "fresh=true"], CONF) == [
        "-m", "-cd", "mine", "model=tfidf", "seed=0,1", "fresh=true"
    ]  # fmt: skip


def typed_config(*arguments: str) -> Any:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return to_typed(compose("config", overrides=understood(["data=files", "data.source.name=x", *arguments], CONF)))


@pytest.mark.slow  # a composition each
@pytest.mark.parametrize(
    ("override", "names"),
    [
        ("data.labels.map={0: neg, 1: pos}", {"0": "neg", "1": "pos"}),
        ("data.labels.map={0:neg,1:pos}", {"0": "neg", "1": "pos"}),
        ("data.labels.map={yes: positive, true: positive, 1e3: many, null: none}",
         {"yes": "positive", "true": "positive", "1e3": "many", "null": "none"}),
        ("data.labels.map={плохо: bad, très bien: good}", {"плохо": "bad", "très bien": "good"}),
        ("+data.labels.map={плохо: bad}", {"плохо": "bad"}),
        ('data.labels.map={"good\\u200b": "good", "a: b": c}', {"good\u200b": "good", "a: b": "c"}),
        ("+data.labels.map={0: neg}", {"0": "neg"}),
        ("data.labels.map.плохо=bad", None),
    ],
)  # fmt: skip
def test_mappings_of_own_names_need_no_plus(override: str, names: dict[str, str] | None) -> None:
    if names is None:
        with pytest.raises(UserError, match="is no setting"):
            typed_config(override)
        return
    assert typed_config(override).data.labels.map == names


@pytest.mark.slow  # a composition each
def test_files_are_replaced_without_a_plus_and_added_to_with_one() -> None:
    assert typed_config("data.files={train: a.csv, test: b.csv}").data.files == {"train": "a.csv", "test": "b.csv"}
    assert typed_config("+data.files={test: b.csv}").data.files == {"train": ".", "test": "b.csv"}
    assert typed_config("data.files.extra=c.csv").data.files == {"train": ".", "extra": "c.csv"}
    assert typed_config("loss.weights.sport=2", "loss.class_weights=explicit").loss.weights == {"sport": 2.0}
    shown = through_a_shell(typed_mapping("data.labels.map", {"good\u200b": "good", "{": "é"}))
    assert typed_config(*shown).data.labels.map == {"good\u200b": "good", "{": "é"}


@pytest.mark.slow  # a composition each
def test_arms_typed_with_and_without_a_plus_are_one_comparison_whose_looks_count_together() -> None:
    def folder(line: str) -> str:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            return run_folder(compose("config", overrides=understood(["task=compare", line], CONF)))

    forms = {folder(f"{plus}compare.arms={{a: [x], 7: [y, z]}}") for plus in ("", "+", "++")}
    assert len(forms) == 1
    assert folder("compare.arms={a: [x], 7: [y]}") not in forms


SWEEPER_LINES = [
    (
        "arms={a: [model=tfidf], b: [model=tiny,lora.rank=4]}",
        {"a": ["model=tfidf"], "b": ["model=tiny", "lora.rank=4"]},
    ),
    ("margin={macro_f1: .02}", {"macro_f1": 0.02}),
    ("params={lora.rank: 'choice(2,4)', seed: 3}", {"lora.rank": "choice(2,4)", "seed": 3}),
]


@pytest.mark.slow  # a composition each
@pytest.mark.parametrize("plus", ["", "+", "++"])
@pytest.mark.parametrize(("line", "names"), SWEEPER_LINES)
def test_the_sweepers_mappings_need_no_plus_nor_does_the_line_that_a_message_prints(
    line: str, names: dict[str, Any], plus: str
) -> None:
    given = f"{plus}hydra.sweeper.{line}"
    shown = given if is_readable(given) else next(iter(readable_forms(given).values()))
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("config", overrides=understood([shown], CONF), return_hydra_config=True)
    key = line.partition("=")[0]
    assert OmegaConf.to_container(config.hydra.sweeper[key], resolve=False) == names


@pytest.mark.slow  # a composition each
def test_a_list_takes_one_value_for_a_list_of_one() -> None:
    config = typed_config(
        "data.fields.text=review", "lora.targets=attention", "data.labels.names=one", "track.tags=mine"
    )
    assert (config.data.fields.text, config.lora.targets) == (["review"], ["attention"])
    assert (config.data.labels.names, config.track.tags) == (["one"], ["mine"])
    assert typed_config("train.evaluate_at=0.5").train.evaluate_at == [0.5]


NEAR = [
    ("train.lr=1e-3", "train.learning_rate=1e-3"),
    ("lr=1e-3", "train.learning_rate=1e-3"),
    ("learning_rate=1e-3", "train.learning_rate=1e-3"),
    ("epochs=3", "train.epochs=3"),
    ("train.num_train_epochs=3", "train.epochs=3"),
    ("per_device_train_batch_size=8", "train.batch_size=8"),
    ("train.warmup_ratio=0.1", "train.warmup_fraction=0.1"),
    ("lora.r=8", "lora.rank=8"),
    ("lora.alpha=32", "lora.alpha_over_rank=2 with lora.rank=16"),
    ("lora.lora_dropout=0.1", "lora.dropout=0.1"),
    ("optimizer=adamw", "train.optimizer=adamw"),
    ("max_length=256", "prompt.max_tokens=256"),
    ("dataset=imdb", "data=files data.source.name=<file>"),
    ("sampler=tpe", "hydra/sweeper/sampler=tpe"),
    ("launcher=joblib", "hydra/launcher=local"),
    ("output_dir=out", "paths.outputs=out"),
    ("hydra/launcher=joblib", "hydra/launcher=local"),
    ("hydra/launcher=submitit_local", "hydra/launcher=local"),
    ("hydra/launcher=submitit_slurm", "hydra/launcher=slurm"),
    ("hydra/sweeper/pruner=asha", "hydra/sweeper/pruner=rungs"),
    ("track=none", "track=off"),
    ("track=wandb", "track=online"),
    ("loss=ce", "loss=cross_entropy"),
    ("data=x.csv", "data=files data.source.name=x.csv"),
    ("data=my/reviews.jsonl", "data=files data.source.name=my/reviews.jsonl"),
    ("data=fancyzhx/ag_news", "data=hub data.source.name=fancyzhx/ag_news"),
    ("task=eval", "task=evaluate"),
    ("+model=tfidf", "so the plus has nothing to add: model=tfidf"),
    ("=tfidf", "nothing stands before an =: settings are written key=value"),
    ("model=qwen3", "did you mean 'qwen3_"),
    ("hydra.sweeper.n_trails=3", "did you mean 'n_trials'"),
]


def test_a_group_that_is_taken_away_is_said_to_be_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["run.py", "~model"])
    with initialize_config_dir(str(CONF), version_base="1.3"), pytest.raises(OmegaConfBaseException) as refused:
        to_typed(compose("config", overrides=["~model"]))
    assert "~model takes away what other settings need" in explain_composition(refused.value)


def test_names_that_hydra_takes_for_one_are_kept_apart() -> None:
    (override,) = understood(["data.labels.map={1.0: low, 1: high}"], CONF)
    assert meaning([override]) == ("data.labels.map", '{"1.0": "low", "1": "high"}')


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("data.labels.map={a: x, b: y, a: z}", "a name stands twice"),
        ("data.files={train: a.csv, train: b.csv}", "a name stands twice"),
        ("data.labels.map={a: null}", "null is no text"),
    ],
)
def test_mappings_that_lose_something_are_refused(override: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        understood([override], CONF)


@pytest.mark.parametrize("override", ["+data.labels.map={null: a}", "+data.labels.map={1: a, null: b}"])
def test_null_as_a_name_is_shown_as_it_can_be_typed(override: str) -> None:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        with pytest.raises(HydraException) as refused:
            compose("config", overrides=understood([override], CONF))
        said = explain_composition(refused.value)
        (line,) = through_a_shell(said[said.index("'data.labels.map=") :])
        config = to_typed(compose("config", overrides=understood([line], CONF), return_hydra_config=True))
    assert "null" in config.data.labels.map


@pytest.mark.slow  # a composition each
@pytest.mark.parametrize(("override", "said"), NEAR)
def test_names_of_other_tools_are_known(override: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["run.py", override])
    with initialize_config_dir(str(CONF), version_base="1.3"), pytest.raises(HydraException) as refused:
        compose("config", overrides=understood([override], CONF))
    assert said in explain_composition(refused.value)


@pytest.mark.slow  # two processes and a sweep of two
@pytest.mark.parametrize("flag", ["", "-m seed=0,1"], ids=["run", "-m"])
def test_the_line_runs_as_it_is_shown(tmp_path: Path, cache: Path, flag: str) -> None:
    rows = write_rows(tmp_path / "отзывы (новые) = 1.jsonl")
    (line,) = advised(f"data.source.name={rows}")
    quiet = "model=tfidf data=files track=off evaluate.resamples=100 evaluate.baselines=false"
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} run.py {quiet} paths.outputs={tmp_path / 'out'} {line} {flag}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(list((tmp_path / "out").rglob("predictions.parquet"))) == (2 if flag else 1)


@pytest.mark.parametrize("key", ["margin", "arms", "params", "confirm"])
def test_one_value_where_a_mapping_is_wanted_is_shown_as_a_mapping_that_composes(key: str) -> None:
    with initialize_config_dir(str(CONF), version_base="1.3"), pytest.raises(HydraException) as refused:
        compose("config", overrides=understood([f"hydra.sweeper.{key}=3"], CONF), return_hydra_config=True)
    said = explain_composition(refused.value)
    assert said.startswith(f"hydra.sweeper.{key} must be a mapping, in quotes for the shell: '")
    (argument,) = through_a_shell(said.partition("shell: ")[2].rpartition(", given 3")[0])
    with initialize_config_dir(str(CONF), version_base="1.3"):
        composed = compose("config", overrides=understood([argument], CONF), return_hydra_config=True)
    assert composed.hydra.sweeper[key]
