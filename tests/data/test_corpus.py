"""A data set, end to end: what is given, what is cut, what is the same again."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from data.made_up_files import config_of, row, write_jsonl
from headtohead.config.data import DataConfig, FieldsConfig, LabelsConfig, SplitConfig, SubsetConfig
from headtohead.data import Corpus, load_corpus


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def rows_file(tmp_path: Path) -> Path:
    """A hundred rows, every tenth a repeat of the row before."""
    return write_jsonl(tmp_path / "rows.jsonl", [row(n - 2 if n % 10 == 9 else n) for n in range(100)])


def texts(corpus: Corpus) -> dict[str, set[str]]:
    splits = {"train": corpus.train, "validation": corpus.validation, **corpus.tests}
    return {name: set(rows["text"]) for name, rows in splits.items()}


def test_columns_kinds_and_sizes(rows_file: Path, cache: Path) -> None:
    corpus = load_corpus(config_of(rows_file), cache)
    assert corpus.train.column_names == ["row_id", "text", "label", "group", "text_hash"]
    assert (len(corpus.train), len(corpus.validation), len(corpus.tests["test"])) == (70, 10, 20)
    first = corpus.train[0]
    assert isinstance(first["label"], int)
    assert first["group"] == first["row_id"]
    assert first["row_id"].startswith("rows.jsonl:")
    assert len(first["text_hash"]) == 16
    ids = [*corpus.train["row_id"], *corpus.validation["row_id"], *corpus.tests["test"]["row_id"]]
    assert len(set(ids)) == 100
    for rows in (corpus.train, corpus.validation, corpus.tests["test"]):
        assert abs(sum(rows["label"]) - len(rows) / 2) <= 3
    json.dumps([corpus.ledger, corpus.source], allow_nan=False)
    assert corpus.ledger["rows"] == {"train": 70, "test": 20, "validation": 10}
    assert corpus.ledger["duplicates"]["within"]["train"]["rows"] == 10


def test_equal_texts_and_equal_groups_never_straddle(tmp_path: Path, cache: Path) -> None:
    rows = [{**row(n // 2), "author": f"author{n // 2 % 17}" if n // 2 % 3 else None} for n in range(200)]
    corpus = load_corpus(config_of(write_jsonl(tmp_path / "rows.jsonl", rows), group="author"), cache)
    found = texts(corpus)
    assert not found["train"] & (found["test"] | found["validation"])
    assert not found["test"] & found["validation"]
    groups = [set(split["group"]) for split in (corpus.train, corpus.validation, corpus.tests["test"])]
    assert len(groups[0] | groups[1] | groups[2]) == sum(map(len, groups))
    assert corpus.ledger["leakage"]["groups"] == {"train / validation": 0, "train / test": 0, "validation / test": 0}


def test_named_test_sets_stay_apart(tmp_path: Path, cache: Path) -> None:
    files = {"train": "train.jsonl"}
    for position, name in enumerate(("train", "ynacc", "iac", "reddit")):
        write_jsonl(tmp_path / f"{name}.jsonl", [row(100 * position + n) for n in range(20 + position)])
        files[name] = f"{name}.jsonl"
    corpus = load_corpus(config_of(tmp_path, files=files), cache)
    assert {name: len(rows) for name, rows in corpus.tests.items()} == {"ynacc": 21, "iac": 22, "reddit": 23}
    assert len(corpus.train) + len(corpus.validation) == 20
    assert len(corpus.validation) == 2


def test_given_splits_are_taken_as_given(tmp_path: Path, cache: Path) -> None:
    for position, name in enumerate(("train", "validation", "test")):
        write_jsonl(tmp_path / f"{name}.jsonl", [row(100 * position + n) for n in range(10)])
    files = {name: f"{name}.jsonl" for name in ("train", "validation", "test")}
    corpus = load_corpus(config_of(tmp_path, files=files), cache)
    for name, rows in (("train", corpus.train), ("validation", corpus.validation), ("test", corpus.tests["test"])):
        assert set(rows["row_id"]) == {f"{name}.jsonl:{n}" for n in range(1, 11)}


def test_several_files_are_one_split(tmp_path: Path, cache: Path) -> None:
    for shard in range(3):
        write_jsonl(tmp_path / "shards" / f"part{shard}.jsonl", [row(100 * shard + n) for n in range(10)])
    corpus = load_corpus(config_of(tmp_path, files={"train": "shards/*.jsonl"}), cache)
    assert sum(corpus.ledger["rows"].values()) == 30
    assert {row_id.split(":")[0] for row_id in corpus.train["row_id"]} == {f"shards/part{n}.jsonl" for n in range(3)}


def test_the_same_content_has_the_same_fingerprint_anywhere(rows_file: Path, tmp_path: Path) -> None:
    here = load_corpus(config_of(rows_file), tmp_path / "one")
    (tmp_path / "elsewhere").mkdir()
    shutil.copy(rows_file, tmp_path / "elsewhere" / "rows.jsonl")
    there = load_corpus(config_of(tmp_path / "elsewhere" / "rows.jsonl"), tmp_path / "two")
    assert here.fingerprint == there.fingerprint
    assert load_corpus(config_of(rows_file, seed=1), tmp_path / "one").fingerprint != here.fingerprint
    changed = rows_file.read_text().replace("oil0 ", "Oil0 ")
    (tmp_path / "elsewhere" / "rows.jsonl").write_text(changed)
    assert (
        load_corpus(config_of(tmp_path / "elsewhere" / "rows.jsonl"), tmp_path / "two").fingerprint != here.fingerprint
    )


def test_splits_do_not_depend_on_the_order_of_the_file(rows_file: Path, tmp_path: Path, cache: Path) -> None:
    lines = rows_file.read_text().splitlines(keepends=True)
    random.Random(0).shuffle(lines)
    (tmp_path / "other.jsonl").write_text("".join(lines))
    config = config_of(rows_file, subset=SubsetConfig(train=30))
    other = replace(config, source=replace(config.source, name=str(tmp_path / "other.jsonl")))
    assert texts(load_corpus(config, cache)) == texts(load_corpus(other, cache))


def test_subsets_are_nested_and_leave_the_splits_alone(rows_file: Path, cache: Path) -> None:
    def load(train: int | None) -> Corpus:
        return load_corpus(config_of(rows_file, subset=SubsetConfig(train=train, validation=6, test=8)), cache)

    everything, large, small = load(None), load(40), load(10)
    assert large.train["row_id"][:10] == small.train["row_id"]
    assert everything.train["row_id"][:40] == large.train["row_id"]
    assert everything.tests["test"]["row_id"] == small.tests["test"]["row_id"]
    assert sum(small.train["label"]) == 5
    assert sum(small.tests["test"]["label"]) == 4
    assert len(load_corpus(config_of(rows_file), cache).tests["test"]) == 20


def test_a_balanced_sample_is_cut_like_any_other(tmp_path: Path, cache: Path) -> None:
    rows = [row(n, "even" if n < 150 else "odd") for n in range(200)]
    config = config_of(
        write_jsonl(tmp_path / "rows.jsonl", rows),
        split=SplitConfig(validation=0.2, test=0.2),
        subset=SubsetConfig(per_class=30),
        seed=42,
    )
    corpus = load_corpus(config, cache)
    assert corpus.ledger["classes"] == {
        "train": {"even": 18, "odd": 18},
        "validation": {"even": 6, "odd": 6},
        "test": {"even": 6, "odd": 6},
    }


@pytest.mark.parametrize(
    "subset",
    [
        SubsetConfig(train=20),
        SubsetConfig(train=20, validation=6, test=8),
        SubsetConfig(train=10, per_class=30),
    ],
)
def test_the_split_seed_holds_rows_out_and_the_data_seed_draws_the_training_sample(
    rows_file: Path, cache: Path, subset: SubsetConfig
) -> None:
    def load(seed: int, held_out: int | None) -> Corpus:
        return load_corpus(config_of(rows_file, subset=subset, seed=seed, split=SplitConfig(seed=held_out)), cache)

    first, second = load(0, 4), load(1, 4)
    assert first.tests["test"]["row_id"] == second.tests["test"]["row_id"]
    assert first.validation["row_id"] == second.validation["row_id"]
    assert set(first.train["row_id"]) != set(second.train["row_id"])
    hashes = [corpus.ledger["training_sample"]["hash"] for corpus in (first, second, load(0, 4))]
    assert hashes[0] == hashes[2] != hashes[1]
    # equal texts never straddle, whatever is drawn; and another split seed holds other rows out
    for corpus in (first, second):
        assert not texts(corpus)["train"] & (texts(corpus)["test"] | texts(corpus)["validation"])
    assert set(load(0, 5).tests["test"]["row_id"]) != set(first.tests["test"]["row_id"])
    assert load(4, None).fingerprint == load(4, 4).fingerprint  # null is the data seed


def test_a_given_test_file_keeps_its_rows_where_a_subset_of_it_is_scored(tmp_path: Path, cache: Path) -> None:
    train = write_jsonl(tmp_path / "train.jsonl", [row(n) for n in range(80)])
    write_jsonl(tmp_path / "test.jsonl", [row(n) for n in range(200, 260)])
    files = {"train": "train.jsonl", "test": "test.jsonl"}

    def load(seed: int, **subset: int) -> Corpus:
        own = SubsetConfig(test=10, **subset)
        return load_corpus(
            config_of(train.parent, files=files, subset=own, seed=seed, split=SplitConfig(seed=0)), cache
        )

    for subset in ({"train": 20}, {"per_class": 12}):
        first, second = load(0, **subset), load(1, **subset)
        assert first.tests["test"]["row_id"] == second.tests["test"]["row_id"]
        assert set(first.train["row_id"]) != set(second.train["row_id"])
        assert first.ledger["training_sample"]["drawn_from"] > 3 * len(first.train)


def test_the_same_training_rows_in_another_order_are_one_sample(rows_file: Path, cache: Path) -> None:
    def load(seed: int) -> Corpus:
        return load_corpus(config_of(rows_file, seed=seed, split=SplitConfig(seed=0)), cache)

    first, second = load(0), load(1)
    assert first.train["row_id"] != second.train["row_id"]
    assert first.ledger["training_sample"] == second.ledger["training_sample"]


def test_folds_cover_all_rows_and_repeats_differ(rows_file: Path, cache: Path) -> None:
    def tested(fold: int, repeat: int) -> list[str]:
        split = SplitConfig(folds=5, fold=fold, repeat=repeat)
        corpus = load_corpus(config_of(rows_file, split=split), cache)
        assert sum(corpus.ledger["rows"].values()) == 100
        return list(corpus.tests["test"]["row_id"])

    folds = [tested(fold, 0) for fold in range(5)]
    assert sorted(row_id for fold in folds for row_id in fold) == sorted(f"rows.jsonl:{n}" for n in range(1, 101))
    assert set(folds[0]) != set(tested(0, 1))


def test_label_names_are_found_where_none_are_given(tmp_path: Path, cache: Path) -> None:
    rows = [row(n, ["10", "9", "2"][n % 3]) for n in range(30)]
    corpus = load_corpus(config_of(write_jsonl(tmp_path / "rows.jsonl", rows), labels=LabelsConfig()), cache)
    assert corpus.labels.names == ("2", "9", "10")
    real = LabelsConfig(kind="real")
    scores = write_jsonl(tmp_path / "scores.jsonl", [row(n, n / 8) for n in range(30)])
    corpus = load_corpus(config_of(scores, labels=real), cache)
    assert corpus.labels.names == ("label",)
    assert isinstance(corpus.train[0]["label"], float)


def test_multi_label_rows(tmp_path: Path, cache: Path) -> None:
    rows = [row(n, ["rec.sport.hockey", "sci.space", "rec.autos"][n % 3]) for n in range(60)]
    labels = LabelsConfig(kind="multi", separator=".", names=["rec", "sport", "hockey", "sci", "space", "autos"])
    corpus = load_corpus(config_of(write_jsonl(tmp_path / "rows.jsonl", rows), labels=labels), cache)
    assert corpus.train[0]["label"] in ([1, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 0], [1, 0, 0, 0, 0, 1])
    assert corpus.ledger["classes"]["test"] == {"rec": 8, "sport": 4, "hockey": 4, "sci": 4, "space": 4, "autos": 4}


def test_messages_stay_a_column(tmp_path: Path, cache: Path) -> None:
    rows = [{"chat": [{"role": "user", "content": row(n)["text"]}], "label": row(n)["label"]} for n in range(30)]
    config = config_of(write_jsonl(tmp_path / "rows.jsonl", rows), fields=FieldsConfig(messages="chat"))
    first = load_corpus(config, cache).train[0]
    assert first["text"] == "user: " + first["messages"][0]["content"]


def test_a_folder_of_texts_in_two_encodings(tmp_path: Path, cache: Path) -> None:
    for n in range(20):
        path = tmp_path / "texts" / ("odd" if n % 2 else "even") / f"{n}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(f"text {n} costs £{n}".encode("cp1252" if n == 7 else "utf-8"))
    corpus = load_corpus(config_of(tmp_path / "texts", encodings=["utf-8", "cp1252"]), cache)
    assert corpus.ledger["encodings"]["train"] == {"odd/7.txt": "cp1252"}
    rows = {**dict(zip(corpus.train["row_id"], corpus.train["text"], strict=True))}
    assert all(text.startswith("text ") and "£" in text for text in rows.values())
    assert all(row_id.split("/")[0] in ("even", "odd") for row_id in rows)


def test_ids_of_the_data_are_used(tmp_path: Path, cache: Path) -> None:
    rows = [{**row(n), "key": 1000 + n} for n in range(30)]
    config = config_of(write_jsonl(tmp_path / "rows.jsonl", rows), fields=FieldsConfig(id="key"))
    assert set(load_corpus(config, cache).train["row_id"]) <= {str(1000 + n) for n in range(30)}


def test_rows_lie_on_disk_in_the_cache_and_are_converted_once(rows_file: Path, cache: Path) -> None:
    corpus = load_corpus(config_of(rows_file), cache)
    assert all(Path(file["filename"]).is_relative_to(cache) for file in corpus.train.cache_files)
    (table,) = [path for path in (cache / "tables").iterdir() if path.is_dir()]
    before = table.stat().st_ino
    load_corpus(config_of(rows_file, seed=3, split=SplitConfig(test=0.3)), cache)
    assert [path.stat().st_ino for path in (cache / "tables").iterdir()] == [before]


# Loads in one child after another, each of which ends without warning at its n-th write or rename, until one survives.
LOAD_AND_DIE = """
import os, sys
from pathlib import Path
import datasets, scipy.sparse.csgraph
from headtohead import atomic
from headtohead.config.data import DataConfig
from headtohead.config.source import SourceConfig
from headtohead.data import load_corpus
source = SourceConfig(kind="path", name=sys.argv[1])
config = DataConfig(name="x", source=source)
for last in range(1, 100):
    left = last
    def count(moment, path):
        global left
        left -= 1
        if left == 0:
            os._exit(9)
    atomic.on_step = count
    child = os.fork()
    if child == 0:
        load_corpus(config, Path(sys.argv[2]) / str(last))
        os._exit(0)
    killed = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if killed not in (0, 9):
        sys.exit("a child failed")
    child = os.fork()
    if child == 0:
        left = 1000
        load_corpus(config, Path(sys.argv[2]) / str(last))
        os._exit(0)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
        sys.exit(f"the run after a kill at moment {last} failed")
    if killed == 0:
        print(last)
        break
"""


@pytest.mark.slow  # kills at every write
def test_a_kill_leaves_a_cache_that_works_and_nothing_else(rows_file: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path / "tmp")}
    for folder in ("home", "tmp"):
        (tmp_path / folder).mkdir()
    command = [sys.executable, "-c", LOAD_AND_DIE, str(rows_file), str(tmp_path / "caches")]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) > 6  # the facts and the table: three moments each
    assert not list((tmp_path / "caches").rglob(".*"))
    assert not list((tmp_path / "home").rglob("*"))
    assert not list((tmp_path / "tmp").rglob("*"))


def test_the_ready_configuration_keeps_its_defaults() -> None:
    """What a data file does not say: leaks are dropped from training, bad rows are refused."""
    config = DataConfig()
    assert (config.leakage, config.duplicates, config.bad_rows, config.seed) == ("drop", "keep", "refuse", 0)
