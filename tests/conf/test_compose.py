"""Every file under conf/ composes and types; the knobs are frozen in a snapshot."""

import re
from dataclasses import is_dataclass
from pathlib import Path
from typing import get_args, get_origin, get_type_hints

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from headtohead.config import Config
from headtohead.config.data import DataConfig
from headtohead.config.typed_config import BY_KIND
from headtohead.errors import UserError
from headtohead.grammar import quoted
from headtohead.hydra_io.schema import fingerprint, run_name, to_typed, without_hydra

pytestmark = pytest.mark.slow  # a quarter of a second for each composition; `make check` runs them too

CONF = Path(__file__).parents[2] / "conf"
FILES = sorted(path.relative_to(CONF) for path in CONF.rglob("*.yaml"))
# What a user must give, and what a choice cannot do without.
NEEDS = {
    "model/hub": ["model.id=owner/name"],
    "model/path": ["model.id=models/mine"],
    "data/files": ["data.source.name=x.csv"],
    "data/hub": ["data.source.name=owner/name"],
    "data/query_sentiment": ["data.source.name=x.csv"],
    "task/predict": ["run=outputs/x", "task.input=x.jsonl"],
    "task/evaluate": ["run=outputs/x"],
    "task/export": ["run=outputs/x"],
    "task/compare": ["+compare.arms={a: [x], b: [y]}"],
    "loss/language_model": ["head=generative"],
    "loss/mse": ["head=regression"],
    "loss/huber": ["head=regression", "loss=huber"],
    "experiment/recipe_qwen2_article": ["data.source.name=x.csv"],
}


def compose_with(*overrides: str) -> DictConfig:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("config", overrides=list(overrides))


def keys_of(cls: type) -> set[str]:
    """Return the dotted keys of a configuration dataclass; a mapping of the user's own names is one key."""
    found = set()
    for name, hint in get_type_hints(cls).items():
        inner = next((option for option in (hint, *get_args(hint)) if is_dataclass(option)), None)
        is_group = inner is not None and get_origin(hint) not in (list, dict)
        found |= {f"{name}.{key}" for key in keys_of(inner)} if is_group else {name}
    return found


def test_conf_holds_files():
    assert len(FILES) > 40


@pytest.mark.parametrize("file", FILES, ids=str)
def test_file_composes_and_types(file: Path):
    choice = str(file.with_suffix(""))
    if file.name in ("config.yaml", "base.yaml"):
        overrides = []
    else:
        group, _, name = choice.rpartition("/")
        overrides = [*NEEDS.get(choice, []), f"{group}={name}"] if choice != "loss/huber" else NEEDS[choice]
    config = to_typed(compose_with(*overrides))
    assert config.name


def test_knobs_are_frozen(request: pytest.FixtureRequest):
    """Adding a knob is a visible act: run with --update-golden, and say why in the commit.

    A key of any file that is not among them does not type (``test_file_composes_and_types``).
    """
    found = {f"{group}.{key}" for group, kinds in BY_KIND.items() for kind in kinds.values() for key in keys_of(kind)}
    found |= {key for key in keys_of(Config) if key.split(".")[0] not in BY_KIND}
    snapshot = Path(__file__).parent / "knobs.txt"
    if request.config.getoption("--update-golden"):
        snapshot.write_text("\n".join(sorted(found)) + "\n")
    assert sorted(found) == snapshot.read_text().split()
    assert {"model.architecture", "loss.gamma", "data.labels.map"} <= found


def test_command_line_wins_over_head_and_data():
    assert compose_with("head=generative").loss.kind == "language_model"
    assert compose_with("head=generative", "loss=focal").loss.kind == "focal"
    assert compose_with("data=drug_reviews").loss.kind == "mse"
    assert compose_with("data=drug_reviews", "head=generative").loss.kind == "language_model"


def test_the_label_map_of_the_hub_files_comment_is_taken():
    (quoted,) = re.findall(r"'(\+data\.labels\.map=[^']+)'", (CONF / "data" / "hub.yaml").read_text())
    config = to_typed(compose_with("data=hub", "data.source.name=owner/name", quoted))
    assert config.data.labels.map == {"0": "World", "1": "Sports", "2": "Business", "3": "Tech"}


def test_same_configuration_same_folder():
    def of(*overrides: str) -> str:
        return fingerprint(without_hydra(compose_with(*overrides)))

    assert of() == of("track=off", "paths.outputs=/elsewhere", "fresh=true")
    assert of() != of("seed=1")
    assert of() != of("train.learning_rate=2e-3")
    assert of("data.fields.text=review") == of("data.fields.text=[review]") != of("data.fields.text=[review,title]")
    assert of("data.encodings=cp1252") == of("data.encodings=[cp1252]") != of()


@pytest.mark.parametrize("name", ["a" * 300, "\u6587" * 120, "é" * 200])
def test_a_long_name_fits_into_a_folders(name: str) -> None:
    folders = [run_name(compose_with(f"name={quoted(name + end)}")) for end in ("1", "2")]
    assert folders[0] != folders[1]
    assert all(name.startswith(folder.rpartition("-")[0]) for folder in folders)
    assert all(100 < len(folder.encode()) < 200 for folder in folders)


@pytest.mark.parametrize("split", ["val", "valid", "dev"])
def test_a_validation_split_in_others_words_is_no_test_set(split: str) -> None:
    with pytest.raises(UserError, match=r"rows to choose by are data\.files\.validation"):
        DataConfig(files={"train": "a.csv", split: "b.csv"})


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["train.learning_rate=fast"], "train.learning_rate must be a number"),
        (["train.learning_rate=-1"], "train.learning_rate must be positive"),
        (["train.clip_norm=-1"], "train.clip_norm must be 0 or more, given -1"),
        (["train.weight_decay=-1"], "train.weight_decay must be 0 or more"),
        (["train.warmup_steps=-3"], "train.warmup_steps must be 0 or more"),
        (["train.patience=0"], "train.patience must be 1 or more"),
        (["train.batch_tokens=-5"], "train.batch_tokens must be 1 or more"),
        (["train.beta1=1.5"], r"train.beta1 must be in \[0, 1\)"),
        (["train.evaluate_at=[0.5,0]"], "train.evaluate_at lists epochs, each positive"),
        (["train.epsilon=-1"], "train.epsilon must be positive"),
        (["train.learning_rate=nan"], "train.learning_rate must be a finite number, given nan"),
        (["lora.alpha_over_rank=0"], "lora.alpha_over_rank must be positive"),
        (["data.labels.names=[[1],2]"], r"data.labels.names\[0\] must be a text or a number, given \[1\]"),
        (["data.fields.text=[1]"], r"a list of texts, in quotes: 'data.fields.text=\[\"1\"\]', given \[1\]"),
        (["data.fields.text=[true]"], "data.fields.text must be a text, given what YAML reads as a truth value"),
        (["data.fields.label=1"], "data.fields.label must be a text, in quotes: 'data.fields.label=\"1\"', given 1"),
        (["data.files=a"], "must be a mapping, in quotes for the shell: 'data.files={name:value}', given 'a'"),
        (["+train.lr=1"], "train.lr is not a setting; here it is train.learning_rate"),
        (["+lora.num_train_epochs=1"], "here it is train.epochs"),
        (["evaluate.baseline_rows=0"], "evaluate.baseline_rows must be 1 or more"),
        (["+train.learning_rat=1"], "did you mean 'learning_rate'"),
        (["+bogus=1"], "bogus is not a setting"),
        (["lora.rank=0"], "lora=frozen"),
        (["loss=corn", "head=generative"], "loss=corn does not fit head=generative"),
        (["loss=bce", "head=generative"], "loss=bce does not fit head=generative"),
        (["lora=full", "lora.quantisation=nf4"], "lora=qlora"),
        (["train.metric=test_accuracy"], "validation tunes, test reports"),
        (["task=predict"], "add run="),
        (["task=predict", "run=x"], "add task.input="),
        (["model=minilm_l6", "model.variant=instruct"], "model.variant"),
        (["model.precision=fp16"], "fp32"),
        (["prompt.template=no placeholder"], "{text}"),
        (["data.source.sha256=null"], "sha256"),
    ],
)
def test_mistakes_are_explained(overrides: list[str], said: str):
    with pytest.raises(UserError, match=said.replace("{", r"\{")):
        to_typed(compose_with(*overrides)).model.source  # noqa: B018 - the variant is checked when it is used


def test_typed_configuration_survives_a_record():
    from dataclasses import asdict

    from headtohead.config import build_config

    config = to_typed(compose_with("lora=qlora", "loss=focal"))
    assert build_config(asdict(config)) == config
    assert OmegaConf.to_container(compose_with("loss=focal").loss) == asdict(config.loss)


@pytest.mark.parametrize(
    ("given", "loss"),
    [
        ([], "cross_entropy"),
        (["data.labels.kind=multi"], "bce"),
        (["data.labels.kind=ordinal"], "cross_entropy"),
        (["data.labels.kind=multi", "loss=cross_entropy"], "cross_entropy"),
        (["data.labels.kind=multi", "loss=focal"], "focal"),
        (["head=generative"], "language_model"),
        (["data.labels.kind=real", "head=regression"], "mse"),
        (["data.labels.kind=ordinal", "head=regression", "loss=huber"], "huber"),
    ],
)
@pytest.mark.parametrize("data", ["files", "hub"])
def test_own_data_bring_the_loss_of_their_labels(data: str, given: list[str], loss: str):
    config = to_typed(compose_with(f"data={data}", "data.source.name=owner/x", *given))
    assert config.loss.kind == loss


def test_the_loss_of_own_data_keeps_its_keys():
    own = ["data=files", "data.source.name=x.csv", "loss.class_weights=balanced"]
    smoothed = to_typed(compose_with(*own, "loss.label_smoothing=0.1")).loss
    assert smoothed == to_typed(compose_with(*own, "loss=cross_entropy", "loss.label_smoothing=0.1")).loss
    assert to_typed(compose_with(*own, "data.labels.kind=multi")).loss.class_weights == "balanced"
    with pytest.raises(UserError, match=r"loss\.label_smoothing is not a setting"):
        to_typed(compose_with(*own, "data.labels.kind=multi", "loss.label_smoothing=0.1"))
