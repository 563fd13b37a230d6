"""A folder with one sub-folder of text files per label; or, without labels, a folder of text files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from headtohead.config.formats import ENDINGS
from headtohead.data.files.compressed import open_bytes
from headtohead.data.files.folders import Walk, ending_of, stem_of, walk
from headtohead.data.files.input_file import InputFile
from headtohead.data.files.raw_row import Record
from headtohead.errors import UserError
from headtohead.grammar import typed

PLAIN = ("", ".txt", ".text")
SHOWN = 5


def read(file: InputFile) -> Iterator[Record]:
    """Yield a record per text file: its text, its label (the first folder on the way to it) and its path.

    Of several kinds of files the plain texts are taken; binary and hidden files never are.

    Raises:
        UserError: no texts, kinds of files that may or may not be texts, or something that cannot be read.
    """
    walked = walk(file.path)
    inside = {path: path.relative_to(file.path) for path in walked.files}
    if "label" in file.columns:  # files beside the labels' folders (a README) are no rows
        inside = {path: place for path, place in inside.items() if len(place.parts) > 1}
        if not inside:
            _refuse_without_labels(file, walked)
    texts = _texts(file, list(inside))
    _say_skipped(file, walked, list(inside), texts)
    binary: list[Path] = []
    for path in texts:
        if _is_binary(file, path):
            binary.append(path)
            continue
        place = inside[path].as_posix()
        values = {"text": _text(file, path), "label": place.split("/")[0] if "/" in place else None, "path": place}
        yield Record(f"{file.name}/{place}".lstrip("/"), values)
    if binary:
        file.say(f"files of binary data are no texts and are skipped ({len(binary):,}, such as {inside[binary[0]]})")
    _say_empty_labels(file, walked, {inside[path].parts[0] for path in texts if path not in set(binary)})


def _text(file: InputFile, path: Path) -> str:
    encoding = file.encoding_of(path)
    with open_bytes(path) as raw:
        return raw.read().decode(encoding).replace("\r\n", "\n").replace("\r", "\n")


def _is_binary(file: InputFile, path: Path) -> bool:
    with open_bytes(path) as raw:
        return b"\0" in raw.read(1 << 16) and not file.how.encodings.marked(path)


def _texts(file: InputFile, files: Sequence[Path]) -> list[Path]:
    """Return the files that are texts, by their endings."""
    asked = [ending.removeprefix("none").lower() for ending in file.how.dialect.endings]
    kinds = Counter(map(ending_of, files))
    endings = asked or [ending for ending in kinds if ending in PLAIN] or list(kinds)
    if not asked and len(endings) > 1 and not set(endings) <= set(PLAIN):
        raise UserError(
            f"{file.path} holds several kinds of files ({_kinds(kinds)}): say which are texts, such as {_setting(kinds, 1)}"
        )
    if not asked and endings and endings[0] in ENDINGS and endings[0] not in PLAIN:
        as_table = typed("data.files.train", files[0].relative_to(file.path).as_posix())
        raise UserError(
            f"{file.path} holds no texts but {_kinds(kinds)} files. To read one as a table: {as_table}; "
            f"if each file is one text: {_setting(kinds, 1)}"
        )
    texts = [path for path in files if ending_of(path) in endings]
    _check_twins(file, texts, asked=bool(asked))
    return texts


def _check_twins(file: InputFile, texts: Sequence[Path], *, asked: bool) -> None:
    """Refuse texts of one name with different endings, or say that there are some: twins leak from training into test."""
    by_stem: dict[Path, list[Path]] = {}
    for path in texts:
        by_stem.setdefault(path.with_name(stem_of(path)), []).append(path)
    twins = [group for group in by_stem.values() if len(group) > 1]
    if not twins:
        return
    shown = " and ".join(str(path.relative_to(file.path)) for path in twins[0][:2])
    said = f"{len(twins):,} names have several endings, such as {shown}; one text in two files may be in training and in test"
    setting = _setting(Counter(map(ending_of, texts)), 1)
    if not asked:
        raise UserError(f"{file.path}: {said}. Say which files are texts by {setting}")
    file.say(said, setting, leads=True)


def _say_skipped(file: InputFile, walked: Walk, files: Sequence[Path], texts: Sequence[Path]) -> None:
    others = Counter(map(ending_of, set(files) - set(texts)))
    if others:
        taken = Counter(map(ending_of, files))
        file.say(f"files that are not taken as texts by their endings: {_kinds(others)}", _setting(taken))
    if walked.hidden:
        file.say(
            f"hidden files are skipped ({len(walked.hidden):,}, such as {walked.hidden[0].relative_to(file.path)})"
        )
    deep = [path for path in texts if len(path.relative_to(file.path).parts) > 2]
    if deep and "label" in file.columns:
        place = deep[0].relative_to(file.path)
        file.say(
            f"the first folder is the label, also of files in deeper ones ({len(deep):,}, such as {place}: {place.parts[0]!r})"
        )


def _say_empty_labels(file: InputFile, walked: Walk, found: set[str]) -> None:
    empty = sorted(folder.name for folder in walked.folders if folder.parent == file.path and folder.name not in found)
    if empty and "label" in file.columns:
        more = ", ..." if len(empty) > SHOWN else ""
        file.say(
            f"{len(empty)} folders hold no text, so they give no label: {', '.join(empty[:SHOWN])}{more}", leads=True
        )


def _refuse_without_labels(file: InputFile, walked: Walk) -> None:
    tables = [path.name for path in walked.files if Path(path.name).suffix.lower() in ENDINGS]
    lines = typed("data.files.train", tables[0]) if tables else "data.files.train=<file name>"
    raise UserError(
        f"{file.path} has no sub-folders with files; a folder needs one sub-folder per label. For a file in it set {lines}"
    )


def _kinds(kinds: Counter[str]) -> str:
    return ", ".join(f"{kinds[ending]:,} {ending or 'without an ending'}" for ending in _commonest(kinds, SHOWN))


def _setting(kinds: Counter[str], most: int = SHOWN) -> str:
    """Return the setting that takes the commonest kinds."""
    return typed("data.dialect.endings", [ending or "none" for ending in _commonest(kinds, most)])


def _commonest(kinds: Counter[str], most: int) -> list[str]:
    return sorted(kinds, key=lambda ending: (-kinds[ending], ending))[:most]
