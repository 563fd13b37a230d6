"""The whole configuration of a run, and the checks that need more than one group."""

from __future__ import annotations

from dataclasses import dataclass, field

from headtohead.config.compare import CompareConfig
from headtohead.config.data import DataConfig
from headtohead.config.head import HeadConfig
from headtohead.config.lora import TrainedConfig
from headtohead.config.loss import LossConfig
from headtohead.config.model import ModelConfig
from headtohead.config.prompt import PromptConfig
from headtohead.config.train import TrainConfig
from headtohead.errors import UserError, require_choice
from headtohead.notices import Notice

TASKS = ("train", "evaluate", "predict", "export", "compare")


@dataclass(kw_only=True, slots=True)
class EvaluateConfig:
    """What is scored after training."""

    test: bool = True
    """Score the test splits; a sweep sets it false for its trials."""
    baselines: bool = True
    """Score the majority class and TF-IDF on the same rows."""
    baseline_rows: int = 50_000
    """TF-IDF learns from this many training rows at most (about 10 KiB of memory each): the first of a nested order, so
    labels in proportion."""
    resamples: int = 1000
    """Bootstrap resamples behind each interval."""

    def __post_init__(self) -> None:
        if self.baseline_rows < 1:
            raise UserError(f"evaluate.baseline_rows must be 1 or more, given {self.baseline_rows}")
        if self.resamples < 100:
            raise UserError(f"evaluate.resamples must be at least 100, given {self.resamples}")


@dataclass(kw_only=True, slots=True)
class ExportConfig:
    """What ``model/`` holds at the end."""

    form: str = "auto"
    """adapter, merged, none; auto: an adapter where adapters were trained, the whole model otherwise."""
    gate_rows: int = 32
    """Rows replayed through the exported model in a fresh process."""

    def __post_init__(self) -> None:
        require_choice("export.form", self.form, ("auto", "adapter", "merged", "none"))
        if self.gate_rows < 1:
            raise UserError(f"export.gate_rows must be 1 or more, given {self.gate_rows}; export.form=none skips it")


@dataclass(kw_only=True, slots=True)
class TrackConfig:
    """Where metrics go besides metrics.jsonl."""

    wandb: str = "offline"
    """offline, online or disabled."""
    project: str = "headtohead"
    entity: str | None = None
    group: str | None = None
    """null: the sweep's name."""
    name: str | None = None
    """null: of a run its name, of a trial its arm and folder; a trial's folder is added to a name that is given."""
    dir: str | None = None
    """Where W&B keeps its files; null means the run's folder."""
    tags: list[str] = field(default_factory=list)
    texts: int = 50
    """Texts of each scored split that W&B gets: so many of the worst errors, and so many of all rows; 0 keeps them here."""

    def __post_init__(self) -> None:
        if self.texts < 0:
            raise UserError(f"track.texts must be 0 or more, given {self.texts}")
        require_choice("track.wandb", self.wandb, ("offline", "online", "disabled"))


@dataclass(kw_only=True, slots=True)
class PathsConfig:
    """Where things are kept."""

    outputs: str = "outputs"
    cache: str | None = None
    """Fetched and converted models and data; null means the user's cache folder."""
    keep_checkpoints: bool = False
    """Of a finished run: to look at, since the run itself is over and its best weights stand apart."""


@dataclass(kw_only=True, slots=True)
class TaskConfig:
    """What to do: train, or one of the tasks that read a finished run."""

    name: str = "train"
    input: str | None = None
    """predict: file to classify; - reads standard input, a JSON object or a text in every line."""
    text: str | None = None
    """predict: one text to classify, instead of a file."""
    output: str | None = None
    """predict: file to write (.jsonl, .csv or .parquet); - is standard output, and null means beside the input, or
    standard output where the input is no file."""
    probabilities: bool = True
    """predict: false names the label alone, which head=generative finds without scoring all labels."""

    def __post_init__(self) -> None:
        require_choice("task", self.name, TASKS)

    def require_input(self) -> None:
        """Refuse a prediction of nothing, or of two things.

        Raises:
            UserError: neither task.input nor task.text is given, or both are.
        """
        if self.input is None and self.text is None:
            raise UserError(
                "task=predict needs something to classify: add task.input=<file>, task.input=- or task.text='...'"
            )
        if self.input is not None and self.text is not None:
            raise UserError(f"task.input={self.input} and task.text are two inputs: leave one of them out")


@dataclass(kw_only=True, slots=True)
class Config:
    """One run."""

    name: str
    model: ModelConfig
    data: DataConfig
    prompt: PromptConfig
    head: HeadConfig
    loss: LossConfig
    lora: TrainedConfig
    train: TrainConfig
    evaluate: EvaluateConfig
    export: ExportConfig
    track: TrackConfig
    paths: PathsConfig
    task: TaskConfig
    compare: CompareConfig = field(default_factory=CompareConfig)
    seed: int = 0
    """Initialisation, row order and dropout; data.seed is subset and split."""
    run: str | None = None
    """Folder of a finished run, for tasks that read one."""
    fresh: bool = False
    """Start anew in a folder that holds a run; predict: replace a file of answers that is there."""
    recognised: list[Notice] = field(default_factory=list)
    """What the files themselves said of settings that were left open; composition fills it in, nobody types it."""

    def __post_init__(self) -> None:
        if self.task.name == "compare":
            self.compare.require_arms()
        elif self.task.name != "train" and not self.run:
            raise UserError(f"task={self.task.name} reads a finished run: add run=outputs/<folder>")
        if self.task.name == "predict":
            self.task.require_input()
        _check_fit(self)


def _check_fit(config: Config) -> None:
    """Refuse combinations of head and loss that cannot mean anything, naming what would fit."""
    head, loss = config.head.kind, config.loss.kind
    fitting = {
        "classification": ("cross_entropy", "focal", "bce", "corn"),
        "regression": ("mse", "huber"),
        "generative": ("language_model", "cross_entropy", "focal"),
    }
    if loss not in fitting[head]:
        heads = " or ".join(f"head={name}" for name, losses in fitting.items() if loss in losses)
        losses = ", ".join(f"loss={name}" for name in fitting[head])
        raise UserError(f"loss={loss} does not fit head={head}; head={head} takes {losses}; loss={loss} needs {heads}")
    if config.export.form == "adapter" and config.task.name == "train":
        require_adapter(config)
    if config.model.kind == "tfidf" and head == "generative":
        raise UserError("model=tfidf writes no words; set head=classification")


def require_adapter(config: Config) -> None:
    """Refuse ``export.form=adapter`` of a run that trains nothing an adapter could carry.

    Raises:
        UserError: it trains the model itself, or nothing.
    """
    if not carries_adapter(config):
        lora = config.lora.kind
        what = "trains the model itself" if lora == "full" else "trains nothing"
        raise UserError(f"export.form=adapter has nothing to hold: lora={lora} {what}; set export.form=merged or auto")


def carries_adapter(config: Config) -> bool:
    """Whether a run trains something that an adapter can carry, a head of its own included."""
    return config.lora.kind != "full" and not (config.lora.kind == "frozen" and config.head.is_generative)
