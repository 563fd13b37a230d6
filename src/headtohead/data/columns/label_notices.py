"""What a person must know of the labels before reading a number: each doubt with the line that settles it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from headtohead.config.data import DataConfig, LabelsConfig
from headtohead.data.columns.label_layout import Layout, parts_recur
from headtohead.data.columns.label_parsing import is_scale, number_name
from headtohead.data.columns.label_spelling import total_order, variants, visible, with_point
from headtohead.data.columns.label_survey import Survey
from headtohead.grammar import assignment, in_shell, typed, typed_mapping
from headtohead.labels import LabelSpace
from headtohead.notices import Notice

MOST_SHOWN = 10
MOST_MERGED = 50
"""Labels in one line to type."""
WORDS_FOR_NOTHING = ("na", "n/a", "null", "none", "nan", "nil", "<na>", "nat", "#n/a", "-", "?")
LEAST_RATINGS, MOST_RATINGS = 3, 101
MOST_CONFLICTS = 0.01
"""Share of rows with contradicting labels from which the finding begins with them."""


def of_survey(found: Survey, config: DataConfig) -> list[Notice]:
    """Return what the label columns of the training file say about how they are meant."""
    if config.labels.kind == "real":
        return []
    notices = [
        *_one_to_a_reader(found, config.labels),
        *_words_for_nothing(found.rows, config),
        *_too_few_rows(found, config.labels),
        *_unlabelled(found.layout, config.labels),
    ]
    if len(found.writing.columns) > 1:
        return notices
    hints = _of_lists(found) if config.labels.kind == "multi" else _of_several(found, config)
    return [*notices, *hints, *_of_ratings(found, config.labels)]


def of_splits(ledger: dict[str, Any], labels: LabelSpace) -> list[Notice]:
    """Return what the split rows say: labels that nothing can be learnt or measured of, equal texts that contradict."""
    notices = [*_contradictions(ledger)]
    if labels.kind == "real":
        return notices
    for split, classes in ledger["classes"].items():
        absent = [name for name in labels.names if not classes[name]]
        if absent and split != "validation":
            notices.append(_absent(split, absent, labels))
    return notices


def _one_to_a_reader(found: Survey, labels: LabelsConfig) -> Iterator[Notice]:
    """Yield the labels that differ in what a reader does not see, or hardly."""
    counts = _of_names(found)
    same = variants(counts)
    if not same:
        return
    best = {label: _plainest(group, counts) for group in same for label in group}
    merged = {
        raw: best[found.writing.map.get(raw, raw)] for raw in found.rows if found.writing.map.get(raw, raw) in best
    }
    line = {**labels.map, **{raw: name for raw, name in list(merged.items())[:MOST_MERGED] if raw != name}}
    shown = "; ".join(
        " and ".join(f"'{visible(label)}' ({_rows(counts[label])})" for label in group) for group in same[:5]
    )
    yield Notice(
        text="labels that differ in case, punctuation, invisible characters or Unicode form alone are counted as different: "
        f"{shown}{_more(len(same) - 5)}. If they are one:",
        command=typed_mapping("data.labels.map", line),
    )


def _plainest(group: Sequence[str], counts: Counter[str]) -> str:
    """Return the variant that shows all it holds, and of those the most frequent."""
    return min(group, key=lambda label: (visible(label) != label, -counts[label], total_order(label)))


def _of_names(found: Survey) -> Counter[str]:
    counts: Counter[str] = Counter()
    for raw, rows in found.rows.items():
        counts[found.writing.map.get(raw, raw)] += rows
    return counts


def _words_for_nothing(rows: Counter[str], config: DataConfig) -> Iterator[Notice]:
    given = (*config.labels.names, *config.labels.map)
    words = [raw for raw in sorted(rows, key=total_order) if raw.lower() in WORDS_FOR_NOTHING and raw not in given]
    if words:
        shown = ", ".join(f"{word!r} ({_rows(rows[word])})" for word in words)
        yield Notice(
            text=f"{shown} is read as a label like others. If it means that the label is missing:",
            command=in_shell(assignment("data.fields.missing", [*config.fields.missing, *words]), "data.bad_rows=drop"),
            leads=False,
        )


def _too_few_rows(found: Survey, labels: LabelsConfig) -> Iterator[Notice]:
    if found.rare:
        done = f"read as {found.writing.other!r}" if found.writing.other else "left out"
        shown = _shown(found.rare)
        yield Notice(text=f"labels with fewer than {labels.min_rows} rows are {done}: {shown} (data.labels.min_rows)")


def _unlabelled(layout: Layout, labels: LabelsConfig) -> Iterator[Notice]:
    if layout.missing and labels.unlabelled == "none":
        yield Notice(
            text=f"{_rows(layout.missing)} without a label are read as having none of the labels (data.labels.unlabelled)",
            leads=False,
        )


def _of_lists(found: Survey) -> Iterator[Notice]:
    """Yield how multi-label cells were read, where that was found in the file."""
    layout, writing = found.layout, found.writing
    if writing.is_vector:
        yield Notice(text=f"label cells such as {layout.vectors.examples[0]} hold a 0 or 1 for each name", leads=False)
    elif writing.separator and layout.separated.get(writing.separator):
        seen = layout.separated[writing.separator]
        if seen.cells:
            yield Notice(text=f"labels are separated by {writing.separator!r}, as in {seen.examples[0]}", leads=False)
    elif not writing.separator and not layout.several and layout.plain.cells:
        yield Notice(
            text=f"no cell holds more than one label, as in {' and '.join(layout.plain.examples)}. If a space separates "
            "them, the line below; if each row has one label, data.labels.kind=single",
            command=typed("data.labels.separator", " "),
        )


def _of_several(found: Survey, config: DataConfig) -> Iterator[Notice]:
    """Yield a hint where most cells of single-label data look as if they held several labels."""
    layout = found.layout
    if config.labels.names:
        return
    if layout.lists.cells * 2 > layout.filled:
        yield Notice(
            text=f"most label cells are lists, such as {layout.lists.examples[0]}, and each list is read as one label. "
            "If they hold several labels:",
            command="data.labels.kind=multi",
        )
    for separator, seen in layout.separated.items():
        if seen.cells * 2 > layout.filled and not layout.lists.cells and parts_recur(found.rows, separator):
            yield Notice(
                text=f"most label cells hold {separator!r}, such as {seen.examples[0]}, and each is read as one label. If they "
                "hold several labels:",
                command=in_shell("data.labels.kind=multi", assignment("data.labels.separator", separator)),
            )
            return


def _of_ratings(found: Survey, labels: LabelsConfig) -> Iterator[Notice]:
    names = found.writing.names
    is_rated = is_scale([with_point(name) for name in names])
    if labels.kind != "single" or labels.map or not is_rated or not LEAST_RATINGS <= len(names) <= MOST_RATINGS:
        return
    ordered = sorted(names, key=total_order)
    yield Notice(
        text=f"the labels are the numbers {number_name(ordered[0])} to {number_name(ordered[-1])}, read as {len(names)} classes "
        "without an order. If they are ratings:",
        command="data.labels.kind=ordinal",
        leads=False,
    )


def _absent(split: str, absent: Sequence[str], labels: LabelSpace) -> Notice:
    if split == "train":
        kept = [name for name in labels.names if name not in absent]
        line = typed("data.labels.names", kept) if len(kept) <= MOST_MERGED else ""
        return Notice(
            text=f"no training row has the label {_shown(absent)}: it cannot be learnt. Without it:", command=line
        )
    return Notice(text=f"no row of {split} has the label {_shown(absent)}: it is not measured there", leads=False)


def _contradictions(ledger: dict[str, Any]) -> Iterator[Notice]:
    for split, found in ledger["duplicates"]["conflicting"].items():
        if not found["rows"]:
            continue
        pairs = zip(found["examples"][0]["rows"][:2], found["examples"][0]["labels"][:2], strict=True)
        example = ", ".join(f"{row} ({label})" for row, label in pairs)
        yield Notice(
            text=f"{_rows(found['rows'])} of the {split} file contradict each other: {found['texts']} "
            f"text{'s' * (found['texts'] != 1)} with different labels, such as {example}. No model can answer all of them",
            leads=found["rows"] >= MOST_CONFLICTS * ledger["read"][split]["read"],
        )


def _shown(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names[:MOST_SHOWN])) + _more(len(names) - MOST_SHOWN)


def _more(count: int) -> str:
    return f" and {count:,} more" if count > 0 else ""


def _rows(count: int) -> str:
    return f"{count:,} row{'s' * (count != 1)}"
