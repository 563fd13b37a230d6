"""The words of a corpus: the units that TF-IDF counts and near duplicates share, chosen on training rows.

Most text has its words between spaces. Scripts without spaces (Chinese, Japanese, Thai ...) are read character by
character, scripts whose vowels are combining marks (Hindi, Tamil, vocalised Arabic ...) with those marks, and strings
that share no piece between spaces (URLs, hashes, DNA) as character n-grams. The choice is a rule, no search: the same
rows give the same words.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any, Literal

from headtohead.notices import Notice

SAMPLE_ROWS = 2_000
"""Training rows that the choice is made on: the first of the nested order, so labels in proportion."""
SAMPLE_LETTERS = 10_000
"""Of each, at most."""
NOTICEABLE = 0.01
"""Share of the letters, averaged over rows, from which a script changes how words are found."""
RECURRING = 0.05
"""Share of a text in pieces that another row also has, below which the pieces tell a model nothing. English of five
words a row has .09 in 20 rows and .6 in 1,000; URLs, hashes and DNA have none."""
FEWEST_ROWS = 20
"""Distinct texts below which recurrence is a matter of luck."""
WORD = re.compile(r"\w")
PROSE_PIECES, LONGEST_WORD = 5, 25
"""Pieces per text from which it is prose, unless they are longer than this on average."""
LONGEST_RUN = 12
"""Characters in a run; of the four letters of DNA, every run of five stands in every text."""
EMOJI = "\u2300-\u23ff\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff"


@dataclass(frozen=True, slots=True)
class Script:
    """A family of scripts that are usually written without spaces between words."""

    name: str
    letters: str
    """The body of a character class."""
    grams: int
    """Characters in the longest n-gram: a word of Chinese has about two, one of Thai more."""
    longest: int
    """Letters per space from which there are no spaces between words: words are shorter, sentences longer."""


SCRIPTS = (
    Script(
        "Chinese or Japanese",
        "\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3041-\u30ff\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf"
        "\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00016fe0-\U00018dff\U0001b000-\U0001b2ff\U00020000-\U0003ffff",
        2,
        3,
    ),
    Script(
        "Thai, Lao, Khmer, Burmese or Tibetan",
        "\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u1950-\u19ff\u1a20-\u1aaf\u1b00-\u1b7f\ua980-\uaadf",
        3,
        6,
    ),
)

Kind = Literal["words", "words with their marks", "words and single characters", "characters"]
CONSEQUENCES = {
    "words with their marks": "TF-IDF keeps them in their words",
    "words and single characters": "TF-IDF and the search for near duplicates read those character by character",
    "characters": "TF-IDF and the search for near duplicates read character n-grams",
}


@dataclass(frozen=True, slots=True)
class Words:
    """How texts are cut into words."""

    kind: Kind = "words"
    unspaced: str = ""
    """The letters that are words of their own: the body of a character class."""
    grams: int = 2
    """Words in the longest n-gram."""
    reason: str = ""

    @property
    def run(self) -> int:
        """Words in a run that two nearly equal texts share."""
        return LONGEST_RUN if self.kind == "characters" else 5

    @property
    def vectoriser(self) -> dict[str, Any]:
        """The settings of scikit-learn's ``TfidfVectorizer`` that say what a term is."""
        match self.kind:
            case "characters":
                return {"analyzer": "char_wb", "ngram_range": (1, 5)}
            case _:
                return {"token_pattern": self._pattern, "ngram_range": (1, self.grams)}

    @property
    def _pattern(self) -> str:
        match self.kind:
            case "words":
                return r"(?u)\b\w+\b"  # scikit-learn's own drops words of one character
            case "words with their marks":
                return rf"\w[\w{_marks()}]*"
            case _:
                other = f"(?![{self.unspaced}])" if self.unspaced else ""
                single = rf"(?=\w)[{self.unspaced}][{_marks()}]*|" if self.unspaced else ""
                return rf"{single}[{EMOJI}]|{other}\w(?:{other}[\w{_marks()}])*"

    def split(self, text: str) -> list[str]:
        """Return the words of a text in order, as they are counted and compared."""
        match self.kind:
            case "characters":
                return list(text)
            case "words and single characters":
                return re.findall(self._pattern, text) or text.split()
            case _:
                return text.split()

    def notices(self) -> tuple[Notice, ...]:
        """Return what is to be said of them; nothing where words stand between spaces."""
        if self.kind == "words":
            return ()
        return (Notice(text=f"{self.reason}: {CONSEQUENCES[self.kind]}", leads=False),)

    def as_dict(self) -> dict[str, Any]:
        """Return what the record says of them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Words:
        """Read what ``as_dict`` wrote."""
        return cls(**stored)


def choose_words(training_texts: Sequence[str]) -> Words:
    """Choose how the words of a corpus are found.

    Args:
        training_texts: never held-out ones: the choice is part of the model.
    """
    texts = [text[:SAMPLE_LETTERS] for text in training_texts]
    return _if_strings(texts) or _if_unspaced(texts) or _if_marked(texts) or Words()


def _if_strings(texts: Sequence[str]) -> Words | None:
    letters = "".join(script.letters for script in _unspaced_scripts(texts))
    recurring = _recurring([text for text in texts if _unspaced_share(text, letters) < 0.5])
    if recurring is None or recurring >= RECURRING:
        return None
    share = f"{recurring:.0%} of" if recurring else "nothing of"
    return Words("characters", reason=f"{share} a training text stands in pieces between spaces that another one has")


def _if_unspaced(texts: Sequence[str]) -> Words | None:
    scripts = _unspaced_scripts(texts)
    letters = "".join(script.letters for script in scripts)
    share = _mean(_unspaced_share(text, letters) for text in texts)
    if share < NOTICEABLE:
        return None
    present = [script for script in scripts if any(_letters(script.letters).search(text) for text in texts)]
    names = " or ".join(script.name for script in present) or "emoji"
    return Words(
        "words and single characters",
        unspaced=letters,
        grams=max((script.grams for script in present), default=2),
        reason=f"{share:.0%} of the letters in training texts are {names}, without spaces between words",
    )


def _if_marked(texts: Sequence[str]) -> Words | None:
    share = _mean(map(_mark_share, texts))
    if share < NOTICEABLE:
        return None
    return Words("words with their marks", reason=f"{share:.0%} of the letters in training texts are combining marks")


def _unspaced_scripts(texts: Sequence[str]) -> list[Script]:
    return [script for script in SCRIPTS if not _is_spaced(texts, script)]


def _is_spaced(texts: Sequence[str], script: Script) -> bool:
    """Whether texts of a script come with spaces between its words, as segmenters and some corpora write them."""
    written = [text for text in texts if not text.isascii()]
    letters = sum(len(_letters(script.letters).findall(text)) for text in written)
    gaps = sum(len(_gaps(script.letters).findall(text)) for text in written)
    return gaps > 0 and letters / gaps < script.longest


def _unspaced_share(text: str, letters: str) -> float:
    """Return which share of a text's letters are words of their own; emoji count where they stand for words."""
    if text.isascii():
        return 0.0
    total = len(WORD.findall(text))
    if not total:
        return float(bool(_letters(EMOJI).search(text)))
    return len(_letters(letters).findall(text)) / total if letters else 0.0


def _mark_share(text: str) -> float:
    if text.isascii():
        return 0.0
    marks = len(re.findall(f"[{_marks()}]", text))
    return marks / max(marks + len(WORD.findall(text)), 1)


def _recurring(texts: Sequence[str]) -> float | None:
    """Return which share of a text, on average, stands in pieces between spaces that another text has.

    Pieces count by their length. One without a letter or digit is no word.

    Returns:
        None of too few texts, and of prose: many pieces, none longer than the words of any language.
    """
    rows = [set(text.casefold().split()) for text in dict.fromkeys(texts)]
    pieces, letters = sum(map(len, rows)), sum(len(piece) for row in rows for piece in row)
    is_prose = pieces >= PROSE_PIECES * len(rows) and letters <= LONGEST_WORD * pieces
    if len(rows) < FEWEST_ROWS or is_prose:
        return None
    found = Counter(piece for row in rows for piece in row)
    return _mean(
        sum(len(piece) for piece in row if found[piece] > 1 and WORD.search(piece)) / max(sum(map(len, row)), 1)
        for row in rows
    )


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / max(len(found), 1)


@functools.cache
def _letters(letters: str) -> re.Pattern[str]:
    return re.compile(rf"[{letters}]")


@functools.cache
def _gaps(letters: str) -> re.Pattern[str]:
    """Return what finds a space with a letter of the script on either side."""
    return re.compile(rf"(?<=[{letters}])\s+(?=[{letters}])")


@functools.cache
def _marks() -> str:
    """Return the combining marks that belong to words, and the joiners between them, as the body of a class.

    Those above U+ABFF and of U+20D0 to U+20FF belong to emoji and symbols.
    """
    codes = [code for code in range(0x300, 0xAC00) if unicodedata.category(chr(code))[0] == "M" and code >> 5 != 0x107]
    runs = [[code for _, code in run] for _, run in groupby(enumerate(codes), key=lambda pair: pair[1] - pair[0])]
    return "".join(f"\\u{run[0]:04x}-\\u{run[-1]:04x}" for run in runs) + "\u200c\u200d"
