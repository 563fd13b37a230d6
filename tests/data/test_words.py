"""A word is what the script and the data make it: the same rule, on training rows, for TF-IDF and near duplicates."""

from __future__ import annotations

import csv
import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from data.made_up_files import config_of, row, write_jsonl
from headtohead.config.data import LabelsConfig, NearDuplicatesConfig
from headtohead.data import load_corpus
from headtohead.data.words import Words, choose_words
from headtohead.evaluation import tfidf_predictions

UNSPACED = Path(__file__).parent / "unspaced"
SYLLABLES = {
    "chinese": "天地人你我他好大小中上下左右东西南北风雨山水火木金土日月星云花草鸟鱼马牛羊",
    "japanese": "あいうえおかきくけこさしすせそたちつてとアイウエオカキクケコ今日私本山川",
    "thai": ["กา", "ขี", "คุ", "เงิ", "จำ", "ชั", "ซื", "ดู", "ต้", "ถ่", "ทึ", "นิ", "บ่", "ปะ", "ผู้", "ฝน", "พี่", "ฟ้า"],
    "lao": ["ກາ", "ຂີ", "ຄຸ", "ງິ", "ຈຳ", "ຊັ", "ດູ", "ຕ້", "ຖ່", "ທຶ", "ນິ", "ບ່", "ປະ", "ຜູ້", "ຝົ", "ພີ່"],
    "khmer": ["កា", "ខី", "គុ", "ងិ", "ចំ", "ជ័", "ដូ", "តើ", "ថា", "ទឹ", "និ", "បេ", "ផុ", "ពី", "មែ", "យោ"],
    "burmese": ["ကာ", "ခီ", "ဂု", "ငိ", "စံ", "ဆူ", "တေ", "ထာ", "နိ", "ပေ", "ဖု", "ဗီ", "မေ", "ယော", "ရှိ", "လုံ"],
}
ENGLISH = re.findall(
    r"\w+", "the of and to in was it for on that with as he by at from his an were are which this be had also"
)


def sentences(script: str, count: int, words: int = 12, joiner: str = "", seed: int = 0) -> list[tuple[str, str]]:
    """Texts whose label is one word of two syllables among others, and whose words are written as a joiner says."""
    draw = random.Random(seed)
    syllables = SYLLABLES[script]
    lexicon = ["".join(draw.sample(syllables, 2)) for _ in range(40)]
    marks = {"good": lexicon[0], "bad": lexicon[1]}
    rows = []
    for number in range(count):
        label = ("good", "bad")[number % 2]
        text = [draw.choice(lexicon[2:]) for _ in range(words)]
        text[draw.randrange(words)] = marks[label]
        rows.append((joiner.join(text), label))
    return rows


def strings(kind: str, count: int, seed: int = 0) -> list[tuple[str, str]]:
    """Identifiers whose label is a motif within them."""
    draw = random.Random(seed)
    alphabet, motifs, form = {
        "dna": ("ACGT", ("TATAAT", "GGCGCC"), "{0}{1}{2}"),
        "hex": ("0123456789abcdef", ("dead", "beef"), "{0}{1}{2}"),
        "url": ("abcdefghijklmnopqrstuvwxyz", ("login", "media"), "https://{0}.example/{2}{1}{0}"),
        "emoji": ("😀😂🎉🌍🚗🍎⚽🎵📚💡🐶🐱", ("👍", "👎"), "{0}{1}{2}"),
        "domain": ("abcdefghijklmnopqrstuvwxyz", ("bank", "shop"), "{0}{1}.com"),
    }[kind]
    rows = []
    for number in range(count):
        label = number % 2
        first, last = ("".join(draw.choices(alphabet, k=draw.randint(4, 12))) for _ in range(2))
        rows.append((form.format(first, motifs[label], last), ("good", "bad")[label]))
    return rows


def accuracy(rows: list[tuple[str, str]], words: Words) -> float:
    """Of TF-IDF, on the last third of the rows."""
    from evaluation.made_up import label_space, predictions_from

    cut = 2 * len(rows) // 3
    answers = [["bad", "good"].index(label) for _, label in rows]
    like = predictions_from(label_space("single", 2), answers[cut:], [[0.0, 0.0]] * (len(rows) - cut))
    texts = [text for text, _ in rows]
    found = tfidf_predictions(texts[:cut], answers[:cut], texts[cut:], like, words=words, seed=0)
    return float((found.predicted == found.gold).mean())


def chosen(rows: list[tuple[str, str]]) -> Words:
    return choose_words([text for text, _ in rows[: 2 * len(rows) // 3]])


@pytest.mark.parametrize("script", SYLLABLES)
def test_a_script_without_spaces_is_learnt_as_well_as_the_same_words_spaced(script: str) -> None:
    glued, spaced = (sentences(script, 240, joiner=joiner) for joiner in ("", " "))
    assert chosen(glued).kind == "words and single characters"
    assert chosen(spaced).kind in ("words", "words with their marks")  # a segmenter's words stay words
    assert accuracy(spaced, chosen(spaced)) > 0.9
    assert accuracy(glued, chosen(glued)) > 0.9
    assert accuracy(glued, Words()) < (0.8 if script in ("chinese", "japanese") else 1.0)


@pytest.mark.parametrize("kind", ["dna", "hex", "url", "emoji", "domain"])
def test_strings_that_share_no_piece_are_read_as_characters(kind: str) -> None:
    rows = strings(kind, 300)
    assert chosen(rows).kind == ("words and single characters" if kind == "emoji" else "characters")
    assert accuracy(rows, chosen(rows)) > 0.85


def test_the_case_is_right_both_ways(tmp_path: Path) -> None:
    right = {}
    for name in ("chinese", "chinese_spaced"):
        config = config_of(UNSPACED / f"{name}.csv", labels=LabelsConfig())
        corpus = load_corpus(config, tmp_path / "cache")
        with (UNSPACED / f"{name}.csv").open(encoding="utf-8") as file:
            rows = [(line["text"], "good" if line["label"] == "好评" else "bad") for line in csv.DictReader(file)]
        right[name] = accuracy(rows, corpus.words)
        assert [notice.leads for notice in corpus.notices] == [False] * (name == "chinese")
        assert corpus.ledger["words"] == corpus.words.as_dict()
    assert right == {"chinese": 1.0, "chinese_spaced": 1.0}


def test_half_a_file_without_spaces_is_enough_and_leaves_the_other_halfs_words() -> None:
    english = [(" ".join(random.Random(n).choices(ENGLISH, k=12)), "good") for n in range(120)]
    mixed = [pair for both in zip(english, sentences("chinese", 120), strict=True) for pair in both]
    words = chosen(mixed)
    assert words.kind == "words and single characters"
    assert words.split("the weather 天气 don't") == ["the", "weather", "天", "气", "don", "t"]
    few = [*english, sentences("chinese", 1)[0]]
    assert choose_words([text for text, _ in few]) == Words()


def test_spaced_text_keeps_its_words(tmp_path: Path) -> None:
    texts = [" ".join(random.Random(n).choices(ENGLISH, k=9)) for n in range(200)]
    for these in (texts, [row(n)["text"] for n in range(200)], ["été où naïve Straße " + text for text in texts]):
        assert choose_words(these) == Words()
    assert Words().vectoriser == {"token_pattern": r"(?u)\b\w+\b", "ngram_range": (1, 2)}
    assert Words().notices() == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("हिन्दी में समाचार", ["हिन्दी", "में", "समाचार"]),
        ("தமிழ் மொழி", ["தமிழ்", "மொழி"]),
        ("tiếng Việt", ["tiếng", "Việt"]),  # NFD: the accents are characters of their own
    ],
)
def test_words_keep_their_combining_marks(text: str, words: list[str]) -> None:
    import unicodedata

    text, words = unicodedata.normalize("NFD", text), [unicodedata.normalize("NFD", word) for word in words]
    found = choose_words([f"{text} {n}" for n in range(50)])
    assert found.kind == "words with their marks"
    assert re.findall(found.vectoriser["token_pattern"], text) == words


def edit(text: str) -> str:
    """Replace one character in the middle."""
    half = len(text) // 2
    return text[:half] + ("G" if text[half] != "G" else "T") + text[half + 1 :]


@pytest.mark.parametrize(
    "make",
    [
        lambda count: [text for text, _ in sentences("chinese", count, words=60)],
        lambda count: [text for text, _ in sentences("thai", count, words=60)],
        lambda count: ["".join(random.Random(n).choices("ACGT", k=400)) for n in range(count)],
    ],
)
def test_a_near_duplicate_without_spaces_is_found(tmp_path: Path, make: Callable[[int], list[str]]) -> None:
    texts = make(40)
    train = [{"text": text, "label": ("even", "odd")[n % 2]} for n, text in enumerate([*texts[:30], edit(texts[35])])]
    write_jsonl(tmp_path / "train.jsonl", train)
    for split, part in (("validation", texts[30:34]), ("test", texts[34:])):
        write_jsonl(tmp_path / f"{split}.jsonl", [{"text": text, "label": "even"} for text in part])
    files = {name: f"{name}.jsonl" for name in ("train", "validation", "test")}
    settings = NearDuplicatesConfig(enabled=True)
    corpus = load_corpus(config_of(tmp_path, files=files, near_duplicates=settings), tmp_path / "cache")
    (leak,) = corpus.ledger["near_duplicates"]["across"]
    assert [example[:2] for example in leak["examples"]] == [["train.jsonl:31", "test.jsonl:2"]]
    assert corpus.ledger["rows"]["train"] == 30
