"""What the text and its labels are, where they lie, and how they are split. Seeds here are subset and split only."""

from __future__ import annotations

import codecs
from dataclasses import dataclass, field
from typing import Annotated

from headtohead.config.dialect import DialectConfig
from headtohead.config.formats import FORMATS
from headtohead.config.source import SourceConfig
from headtohead.errors import UserError, require_choice
from headtohead.labels import label_text

FOR_VALIDATION = ("val", "valid", "dev", "eval", "development")
"""Names of the validation split elsewhere."""
LABEL_KINDS = ("single", "multi", "ordinal", "real")
LabelName = Annotated[str, label_text]
"""A label as a text, a number or a truth value: each is read as it would be in a file."""


@dataclass(kw_only=True, slots=True)
class FieldsConfig:
    """Which columns of a row are its input, its label and its id; exactly one of text, messages, turns is read."""

    text: list[str] = field(default_factory=lambda: ["text"])
    """Text column; several are joined by ``joiner`` in this order."""
    joiner: str = "\n\n"
    messages: str | None = None
    """Column with a list of chat messages, read instead of ``text``."""
    turns: str | None = None
    """Column with a list of turns with authors, read instead of ``text``; rendered '[author0] ... [author1] ...'."""
    label: str | list[str] = "label"
    """Column of the answer. A list of several: one column per label, each saying whether the label applies."""
    id: str | None = None
    """Column with a unique id of the row; null numbers the rows of each file."""
    message_keys: list[str] = field(default_factory=lambda: ["role", "content"])
    turn_keys: list[str] = field(default_factory=lambda: ["author", "text"])
    unescape_html: bool = False
    """Turn entities such as &#039; into the characters they stand for."""
    missing: list[LabelName] = field(default_factory=list)
    """Texts that mean that a cell holds nothing, such as NA; null, NaN and white space alone always do."""

    def __post_init__(self) -> None:
        if self.messages and self.turns:
            raise UserError("data.fields: set messages or turns, not both")
        if not (self.text or self.messages or self.turns):
            raise UserError("data.fields: name the input: text, messages or turns")
        for key, value in (("message_keys", self.message_keys), ("turn_keys", self.turn_keys)):
            if len(value) != 2:
                raise UserError(f"data.fields.{key} needs two names (who, what was said), given {value}")
        if not self.label_columns or len(set(self.label_columns)) < len(self.label_columns):
            raise UserError(f"data.fields.label needs a column, or several different ones, given {self.label}")

    @property
    def label_columns(self) -> list[str]:
        """The columns of the answer: one, or one per label."""
        return [self.label] if isinstance(self.label, str) else list(self.label)


@dataclass(kw_only=True, slots=True)
class LabelsConfig:
    """The answers: raw values in the files become names, and names have an order, words, descriptions and values."""

    kind: str = "single"
    names: list[LabelName] = field(default_factory=list)
    """In the order of the model's outputs; empty takes the distinct values found in the training file, sorted."""
    map: dict[str, str] = field(default_factory=dict)
    """Raw value in the file -> name; values not listed stand for themselves."""
    min_rows: int = 0
    """Labels with fewer rows in the training file become ``other``; 0 keeps all."""
    other: str | None = "other"
    """Name of all labels with too few rows together; null leaves them out (of multi-label rows, else with their rows)."""
    unlabelled: str = "bad"
    """A row without a label: bad (see ``data.bad_rows``), or none (multi-label: none of the labels applies)."""
    words: dict[str, str] = field(default_factory=dict)
    """Name -> what a generative model answers for it; a name not listed is its own word."""
    descriptions: dict[str, str] = field(default_factory=dict)
    """Name -> one line, for prompts that explain the labels."""
    values: list[float] = field(default_factory=list)
    """Ordinal: the number each name stands for, increasing; empty reads the names as numbers, else 0, 1, 2, ..."""
    separator: str | None = None
    """Multi-label: splits a label given as one string; a list needs none. null: found in the training file, else refused."""

    def __post_init__(self) -> None:
        require_choice("data.labels.kind", self.kind, LABEL_KINDS)
        if self.kind == "real" and len(self.names) > 1:
            raise UserError(f"data.labels.names of a real score is the one name of the quantity, given {self.names}")
        if self.separator == "":
            raise UserError("data.labels.separator must not be empty; null looks for it in the training file")
        require_choice("data.labels.unlabelled", self.unlabelled, ("bad", "none"))
        if self.unlabelled == "none" and self.kind != "multi":
            raise UserError(f"data.labels.unlabelled=none needs data.labels.kind=multi, given {self.kind}")
        if self.min_rows < 0:
            raise UserError(f"data.labels.min_rows must be 0 or more, given {self.min_rows}")
        if self.min_rows and self.kind not in ("single", "multi"):
            raise UserError(f"data.labels.min_rows needs labels without an order, not data.labels.kind={self.kind}")


@dataclass(kw_only=True, slots=True)
class SplitConfig:
    """How splits that the files do not give are cut from the training file."""

    validation: float = 0.1
    """Fraction of the rows of files.train, used where files has no validation."""
    test: float = 0.2
    """Fraction of the rows of files.train, used where files has no test set; 0 measures nothing and trains on these rows too."""
    stratify: bool = True
    folds: int = 0
    """Cross-validation: number of folds, 0 for none. The test split is then fold ``fold`` of repetition ``repeat``."""
    fold: int = 0
    repeat: int = 0
    repeats: int = 1
    """Repetitions of the cross-validation that a sweep runs, each with all its folds; a run by itself is one fold."""
    seed: int | None = None
    """Decides which rows are held out; ``data.seed`` then draws the training sample alone. null: ``data.seed`` decides both.

    With a test file and ``subset.per_class`` validation is cut from the sample, and is drawn with it.
    """

    def __post_init__(self) -> None:
        if not 0 < self.validation < 1:
            raise UserError(f"data.split.validation is a fraction between 0 and 1, given {self.validation}")
        if not 0 <= self.test < 1:
            raise UserError(f"data.split.test is a fraction below 1, or 0 for no test rows, given {self.test}")
        if self.validation + self.test >= 1:
            raise UserError(f"data.split: validation {self.validation} and test {self.test} leave no training rows")
        if self.folds and self.folds < 2:
            raise UserError(f"data.split.folds needs 0 (no cross-validation) or at least 2, given {self.folds}")
        if not 0 <= self.fold < max(self.folds, 1):
            raise UserError(f"data.split.fold counts from 0 to folds-1, given fold={self.fold} of folds={self.folds}")
        if self.repeat < 0:
            raise UserError(f"data.split.repeat counts from 0, given {self.repeat}")
        if self.repeats < 1:
            raise UserError(f"data.split.repeats must be 1 or more, given {self.repeats}")
        if not self.folds and (self.repeat or self.repeats > 1):
            raise UserError(
                "data.split.repeat and data.split.repeats are of a cross-validation: set data.split.folds=5 with them"
            )


@dataclass(kw_only=True, slots=True)
class SubsetConfig:
    """How many rows are used. Subsets are nested: the first n rows of a larger subset are the smaller one."""

    per_class: int | None = None
    """Balanced sample: exactly this many rows of each label of files.train, taken before splits are cut."""
    train: int | None = None
    """Training rows; all splits stay as they are for every value, so learning curves share their test set."""
    validation: int | None = None
    test: int | None = None
    """Rows of each test set."""

    def __post_init__(self) -> None:
        for key in ("per_class", "train", "validation", "test"):
            value = getattr(self, key)
            if value is not None and value < 1:
                raise UserError(f"data.subset.{key} must be at least 1 (null for all), given {value}")


@dataclass(kw_only=True, slots=True)
class NearDuplicatesConfig:
    """Search for nearly equal texts by MinHash; found ones are treated as ``data.leakage`` says."""

    enabled: bool = False
    threshold: float = 0.8
    """Jaccard similarity of the sets of five-word runs from which two texts count as nearly equal."""
    within_train: bool = False
    """Also search inside the training rows; needs memory in proportion to them, and only reports."""

    def __post_init__(self) -> None:
        if not 0.3 <= self.threshold <= 1:
            raise UserError(f"data.near_duplicates.threshold must lie between 0.3 and 1, given {self.threshold}")


@dataclass(kw_only=True, slots=True)
class DataConfig:
    """A labelled text collection."""

    name: str = ""
    source: SourceConfig = field(default_factory=lambda: SourceConfig(kind="path"))
    format: str = "auto"
    """auto decides by the file name's ending; a folder holds one sub-folder of text files per label."""
    encodings: list[str] = field(default_factory=lambda: ["utf-8"])
    """Tried in this order, file by file, unless a byte order mark says it; the ledger names files not in the first."""
    dialect: DialectConfig = field(default_factory=DialectConfig)
    files: dict[str, str] = field(default_factory=lambda: {"train": "."})
    """Split -> path or glob below the source ('.' is the source itself), or a split of a hub data set. ``train`` is
    required, ``validation`` optional, every other key is a test set of that name."""
    fields: FieldsConfig = field(default_factory=FieldsConfig)
    labels: LabelsConfig = field(default_factory=LabelsConfig)
    group: str | None = None
    """Column (author, thread, source) whose equal values never straddle splits that are cut here."""
    split: SplitConfig = field(default_factory=SplitConfig)
    subset: SubsetConfig = field(default_factory=SubsetConfig)
    leakage: str = "drop"
    """Training texts that also stand in validation or test: refuse to run, drop them from training, or report."""
    duplicates: str = "keep"
    """Equal texts with equal labels inside one split: keep or drop all but one."""
    near_duplicates: NearDuplicatesConfig = field(default_factory=NearDuplicatesConfig)
    bad_rows: str = "refuse"
    """Rows without text, without label, with a label outside the map, and broken lines: refuse, or drop and count."""
    seed: int = 0
    """Decides subset and split, nothing else; the subset alone where ``split.seed`` is set."""

    def __post_init__(self) -> None:
        require_choice("data.format", self.format, ("auto", *FORMATS))
        require_choice("data.leakage", self.leakage, ("refuse", "drop", "report"))
        require_choice("data.duplicates", self.duplicates, ("keep", "drop"))
        require_choice("data.bad_rows", self.bad_rows, ("refuse", "drop"))
        if "train" not in self.files:
            raise UserError(
                f"data.files needs a 'train' entry, given {sorted(self.files)}; +data.files={{...}} adds to what is there"
            )
        if validation := [name for name in self.files if name in FOR_VALIDATION]:
            raise UserError(
                f"data.files.{validation[0]} would be a test set of that name: rows to choose by are data.files.validation, "
                "rows to measure on data.files.test"
            )
        if self.labels.kind == "real" and len(self.fields.label_columns) > 1:
            raise UserError("data.fields.label of a real score is one column")
        if self.split.folds and len(self.files) > 1:
            raise UserError("data.split.folds cuts its own test and validation rows: leave only data.files.train")
        if not self.encodings:
            raise UserError("data.encodings must name at least one encoding, such as utf-8")
        for encoding in self.encodings:
            _require_encoding(encoding)

    @property
    def held_out_seed(self) -> int:
        """Seed of what is held out: which rows, and which of them a subset takes."""
        return self.seed if self.split.seed is None else self.split.seed

    @property
    def cuts_test(self) -> bool:
        """Whether test rows, where there are any, are cut from the training file."""
        return not self.test_names

    @property
    def draws_sample(self) -> bool:
        """Whether another ``data.seed`` draws other training rows for the same test rows."""
        return self.subset.train is not None or (self.subset.per_class is not None and not self.cuts_test)

    @property
    def test_names(self) -> list[str]:
        """Names of the test sets that the files give."""
        return [name for name in self.files if name not in ("train", "validation")]


def _require_encoding(name: str) -> None:
    try:
        codecs.lookup(name)
    except LookupError:
        raise UserError(
            f"data.encodings: {name!r} is not an encoding Python knows; utf-8, cp1252 or latin-1?"
        ) from None
