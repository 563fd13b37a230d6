"""What own files say of their columns and labels is taken where certain, and asked about, in lines that run, where not."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pandas
import pytest
from hydra import compose, initialize_config_dir

from data.made_up_files import row, write_jsonl
from data.test_ready_files import CONF, configuration
from headtohead.data import load_corpus
from headtohead.data.columns.recognition import Recognised, recognised
from headtohead.errors import UserError
from headtohead.hydra_io.schema import fingerprint_of

ROWS = [row(number) for number in range(40)]
TAGS = [["oil"], ["oil", "vote"], [], ["vote", "film"]]


def found(path: Path, **given: Any) -> Recognised:
    """Return what is recognised where a person gives only so much below ``data.fields`` and ``data.labels``."""
    labels = {key: given.pop(key) for key in ("kind", "separator", "unlabelled") if key in given}
    fields = {"text": None, "label": None, **given}
    source = {"kind": "path", "name": str(path)}
    settled = recognised({"name": "own", "source": source, "fields": fields, "labels": {"kind": "auto", **labels}})
    assert settled is not None
    return settled


def lines_of(message: str) -> list[dict[str, str]]:
    """Return the settings of each line that a refusal offers."""
    offered = [shlex.split(line) for line in message.splitlines()[1:]]
    return [dict(setting.removeprefix("data.fields.").split("=", 1) for setting in line) for line in offered]


def renamed(path: Path, text: str = "text", label: str = "label", **further: Any) -> Path:
    """Write the rows with other names of columns, in the format of the path's ending."""
    frame = pandas.DataFrame([{text: row["text"], label: row["label"], **further} for row in ROWS])
    match path.suffix:
        case ".csv":
            frame.to_csv(path, index=False, sep=";")
        case ".jsonl":
            frame.to_json(path, orient="records", lines=True)
        case ".json":
            frame.to_json(path, orient="records")
        case ".parquet":
            frame.to_parquet(path)
    return path


@pytest.mark.parametrize("ending", ["csv", "jsonl", "json", "parquet"])
@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("review", "stars"),
        ("Review Text", "Category"),
        ("sentence", "label"),
        ("text", "sentiment"),
        ("Kommentar", "Sterne"),
    ],
)
def test_the_only_columns_with_usual_names_are_taken(text: str, label: str, ending: str, tmp_path: Path) -> None:
    settled = found(renamed(tmp_path / f"rows.{ending}", text, label, id=7))
    assert (settled.fields, settled.kind) == ({"text": [text], "label": label}, "single")
    (said,) = settled.notices
    assert all(repr(name) in said.text for name in (text, label) if name not in ("text", "label"))


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_columns_called_text_and_label_are_taken_whatever_others_there_are(ending: str, tmp_path: Path) -> None:
    settled = found(renamed(tmp_path / f"rows.{ending}", review="long words here", stars="3"))
    assert settled == Recognised(fields={"text": ["text"], "label": "label"}, kind="single")


def test_a_persons_own_setting_wins(tmp_path: Path) -> None:
    path = renamed(tmp_path / "rows.csv", "review", "stars", comment="some other words", category="odd")
    settled = found(path, text=["comment"], label="category")
    assert settled == Recognised(fields={"text": ["comment"], "label": "category"}, kind="single")


def test_of_a_table_of_two_columns_the_one_whose_short_values_come_again_is_the_label(tmp_path: Path) -> None:
    assert found(renamed(tmp_path / "a.csv", "foo", "bar")).fields == {"text": ["foo"], "label": "bar"}
    assert found(renamed(tmp_path / "b.jsonl", "Bewertung", "Urteil")).fields == {
        "text": ["Bewertung"],
        "label": "Urteil",
    }
    unlike = write_jsonl(tmp_path / "c.jsonl", [{"foo": f"one {n}", "bar": f"two {n}"} for n in range(20)])
    assert found(unlike).fields == {"text": ["text"], "label": "label"}  # its reader refuses it


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_two_candidates_are_refused_with_a_line_for_each_that_settles_all(ending: str, tmp_path: Path) -> None:
    path = renamed(tmp_path / f"rows.{ending}", "review", "stars", comment="some other words", category="odd")
    with pytest.raises(UserError, match="'review' and 'comment' may each be it") as refusal:
        found(path)
    lines = lines_of(str(refusal.value))
    assert [(line["text"], line["label"]) for line in lines] == [
        (text, label) for text in ("review", "comment", "[review,comment]") for label in ("stars", "category")
    ]
    for line in lines:
        text = line["text"].strip("[]").split(",")
        settled = found(path, text=text, label=line["label"])
        assert (settled.fields["text"], settled.fields["label"], settled.notices) == (text, line["label"], ())


def test_what_is_certain_is_not_asked_again(tmp_path: Path) -> None:
    path = renamed(tmp_path / "rows.csv", "review", "stars", category="odd")
    with pytest.raises(UserError) as refusal:
        found(path)
    assert lines_of(str(refusal.value)) == [{"label": "stars"}, {"label": "category"}]
    assert found(path, label="category").fields["text"] == ["review"]


def test_columns_without_usual_names_are_asked_about_in_one_line(tmp_path: Path) -> None:
    path = renamed(tmp_path / "rows.jsonl", "foo", "bar", n=1)
    with pytest.raises(UserError, match="no column 'text' and no column 'label'") as refusal:
        found(path)
    assert lines_of(str(refusal.value)) == [{"text": "foo", "label": "bar"}]


def test_a_column_per_label_is_asked_about_and_then_read_as_several(tmp_path: Path) -> None:
    rows = [{"comment_text": row["text"], "food": n % 2, "price": n % 3 == 0} for n, row in enumerate(ROWS)]
    path = write_jsonl(tmp_path / "rows.jsonl", rows)
    with pytest.raises(UserError) as refusal:
        found(path)
    assert lines_of(str(refusal.value)) == [{"label": "[food,price]"}]
    assert found(path, label=["food", "price"]).kind == "multi"
    alone = [{"comment_text": row["text"], "even": n % 2 == 0, "odd": n % 2} for n, row in enumerate(ROWS)]
    assert found(write_jsonl(tmp_path / "alone.jsonl", alone), label=["even", "odd"]).kind == "single"


def test_a_title_is_a_text_only_where_there_is_no_other(tmp_path: Path) -> None:
    assert found(renamed(tmp_path / "a.csv", "headline", "category", id=3)).fields["text"] == ["headline"]
    settled = found(renamed(tmp_path / "b.csv", "body", "category", title="A title"))
    assert settled.fields["text"] == ["body"]
    assert settled.notices[0].command == "'data.fields.text=[title,body]'"


@pytest.mark.parametrize("ending", ["jsonl", "json", "parquet"])
@pytest.mark.parametrize(
    ("column", "who", "said", "fields"),
    [
        ("messages", "role", "content", {"messages": "messages"}),
        ("dialog", "from", "value", {"messages": "dialog", "message_keys": ["from", "value"]}),
        ("text", "role", "content", {"messages": "text"}),
        ("thread", "author", "text", {"turns": "thread"}),
    ],
)
def test_a_column_of_conversations_alone_is_read_as_such(
    column: str, who: str, said: str, fields: dict[str, Any], ending: str, tmp_path: Path
) -> None:
    rows = [{column: [{who: "user", said: row["text"]}], "label": row["label"], "n": 1} for row in ROWS]
    path = tmp_path / f"rows.{ending}"
    if ending == "parquet":
        pandas.DataFrame(rows).to_parquet(path)
    else:
        path.write_text("\n".join(map(json.dumps, rows)) if ending == "jsonl" else json.dumps(rows))
    assert found(path).fields == {"text": ["text"], "label": "label", **fields}


def test_messages_beside_a_text_are_asked_about_and_broken_ones_are_none(tmp_path: Path) -> None:
    chat = [{"role": "user", "content": "hello"}]
    both = [{"messages": chat, "review": row["text"], "label": row["label"]} for row in ROWS]
    with pytest.raises(UserError) as refusal:
        found(write_jsonl(tmp_path / "both.jsonl", both))
    assert lines_of(str(refusal.value)) == [{"text": "review"}, {"messages": "messages"}]
    named = [{"messages": chat, "text": row["text"], "label": row["label"]} for row in ROWS]
    assert "messages" not in found(write_jsonl(tmp_path / "named.jsonl", named)).fields
    broken = [{"messages": chat if n else ["hello"], "label": row["label"]} for n, row in enumerate(ROWS)]
    assert "messages" not in found(write_jsonl(tmp_path / "broken.jsonl", broken)).fields


@pytest.mark.parametrize(
    "written",
    [str, json.dumps, lambda tags: tags, lambda tags: dict.fromkeys(tags, 1), tuple, lambda tags: f"array({tags})"],
)
def test_cells_that_are_all_lists_hold_several_labels(written: Any, tmp_path: Path) -> None:
    rows = [{"text": row["text"], "label": written(TAGS[n % 4])} for n, row in enumerate(ROWS)]
    as_text = str if written is tuple else lambda value: value
    path = write_jsonl(tmp_path / "rows.jsonl", [{**row, "label": as_text(row["label"])} for row in rows])
    settled = found(path)
    assert (settled.kind, settled.notices[0].command) == ("multi", "data.labels.kind=multi")
    assert found(path, kind="single").kind == "single"


@pytest.mark.parametrize("other", ["oil", "[oil", "oil, vote", 3, True])
def test_one_cell_that_is_no_list_leaves_single_labels(other: object, tmp_path: Path) -> None:
    rows = [{**row, "label": str(["oil"]) if n else other} for n, row in enumerate(ROWS)]
    assert found(write_jsonl(tmp_path / "rows.jsonl", rows)).kind == "single"


@pytest.mark.parametrize("label", ["[spam]", "{spam}", "(none)", "'quoted'", "a [b]", "[]"])
def test_a_label_in_brackets_is_no_list(label: str, tmp_path: Path) -> None:
    rows = [{**row, "label": label if n % 2 else "[ham]"} for n, row in enumerate(ROWS)]
    assert found(write_jsonl(tmp_path / "rows.jsonl", rows)).kind == "single"


def test_settings_of_multi_label_data_alone_say_that_they_are(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "rows.jsonl", [{**row, "label": "oil;vote"} for row in ROWS])
    assert found(path, separator=";").kind == found(path, unlabelled="none").kind == "multi"
    assert found(path).kind == "single"


def test_a_file_that_cannot_be_read_is_left_to_its_reader(tmp_path: Path) -> None:
    (tmp_path / "no_header.csv").write_text("".join(f"{row['text']},{row['label']}\n" for row in ROWS))
    (tmp_path / "empty.jsonl").write_text("")
    (tmp_path / "table.xlsx").write_bytes(b"PK\3\4")
    usual = Recognised(fields={"text": ["text"], "label": "label"}, kind="single")
    for name in ("no_header.csv", "empty.jsonl", "table.xlsx", "missing.csv"):
        assert found(tmp_path / name) == usual


def test_a_file_that_has_changed_is_looked_at_again(tmp_path: Path) -> None:
    path = renamed(tmp_path / "rows.csv", "review", "stars")
    assert found(path).fields["text"] == ["review"]
    assert found(renamed(path, "sentence", "class")).fields == {"text": ["sentence"], "label": "class"}


@pytest.mark.slow  # compositions
def test_what_is_recognised_is_the_same_run_as_when_it_is_typed(tmp_path: Path, cache: Path) -> None:
    rows = [{"review": row["text"], "labels": str(TAGS[n % 4]), "id": n} for n, row in enumerate(ROWS)]
    path = tmp_path / "rows.csv"
    pandas.DataFrame(rows).to_csv(path, index=False)
    source = f"data.source.name={path}"
    config = configuration("files", source)
    assert (config.loss.kind, config.data.fields.text, config.data.labels.kind) == ("bce", ["review"], "multi")
    assert load_corpus(config.data, cache).labels.names == ("film", "oil", "vote")
    (said,) = config.recognised
    prints = []
    for given in ([], shlex.split(said.command)):
        with initialize_config_dir(str(CONF), version_base="1.3"):
            prints.append(fingerprint_of(compose("config", overrides=["data=files", source, *given])))
    assert prints[0] == prints[1]
    assert configuration("files", source, *shlex.split(said.command)).recognised == []


def test_a_column_with_another_role_is_no_candidate(tmp_path: Path) -> None:
    rows = [
        {"text": row["text"], "department": row["label"], "verdikt": "ja" if n % 2 else "nein"}
        for n, row in enumerate(ROWS)
    ]
    path = write_jsonl(tmp_path / "rows.jsonl", rows)
    source = {"kind": "path", "name": str(path)}
    fields = {"text": None, "label": None}
    data = {"name": "own", "source": source, "fields": fields, "labels": {"kind": "auto"}}
    settled = recognised(data)
    assert settled is not None
    assert settled.fields["label"] == "department"
    with pytest.raises(UserError, match=r"data\.fields\.label=verdikt"):
        recognised({**data, "group": "department"})


def test_columns_of_which_not_one_alone_applies_are_called_no_lists(tmp_path: Path) -> None:
    rows = [{"text": row["text"], "food": n % 2, "price": n % 3 // 2} for n, row in enumerate(ROWS)]
    settled = found(write_jsonl(tmp_path / "rows.jsonl", rows), label=["food", "price"])
    assert settled.kind == "multi"
    (said,) = settled.notices
    assert "not always exactly one of the label columns applies" in said.text
    assert "lists" not in said.text
