"""The score of a label is the exact log-likelihood of all its tokens: against one label, one row, one forward at a time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from headtohead.heads.trie import LabelTrie
from tiny_runs import DECODERS, FrozenConfig, TinyRun, config_of, labels_of, made_up_texts

WORDS = ("sport", "world news", "entertaining", "tech")
NUMBERS = ("1", "10", "2", "100")


def make_run(cache: Path, *, words: tuple[str, ...] = WORDS, architecture: str = "llama", **options: object) -> TinyRun:
    config = config_of(
        architecture=architecture,
        head="generative",
        loss="cross_entropy",
        lora=FrozenConfig(),
        steps=0,
        **options,  # type: ignore[arg-type]
    )
    return TinyRun(cache, config, labels=labels_of(words=words), texts=made_up_texts(16), sharpness=6.0)


def brute_force(run: TinyRun, *, end: bool) -> np.ndarray:
    """Log-likelihood of every label after every prompt, from strings, through the plain model, unpadded."""
    tokenizer, model = run.backbone.tokenizer, run.plain_model.eval()
    ending = [tokenizer.eos_token_id] if end else []
    table = []
    for text in run.texts:
        prompt = f"Text: {text}\nAnswer:"
        known = len(tokenizer(prompt)["input_ids"])
        row = []
        for word in run.labels.words:
            ids = tokenizer(f"{prompt} {word}")["input_ids"] + ending
            with torch.no_grad():
                log_p = model(torch.tensor([ids])).logits[0].log_softmax(dim=-1)
            row.append(sum(float(log_p[i - 1, ids[i]]) for i in range(known, len(ids))))
        table.append(row)
    return np.asarray(table)


def log_softmax(table: np.ndarray) -> np.ndarray:
    return torch.tensor(table).log_softmax(dim=-1).numpy()


@pytest.mark.parametrize("architecture", DECODERS)
@pytest.mark.parametrize("words", [WORDS, NUMBERS], ids=["words", "prefixes"])
def test_equals_brute_force(cache: Path, architecture: str, words: tuple[str, ...]):
    run = make_run(cache, words=words, architecture=architecture)
    audit = run.readers[0].audit
    assert audit is not None
    assert audit.needs_end == (words == NUMBERS)
    assert max(len(answer) for answer in audit.answers) > 1
    expected = brute_force(run, end=audit.needs_end)
    assert expected.std() > 0.5, "a model that tells labels apart"
    np.testing.assert_allclose(run.scores(), log_softmax(expected), atol=1e-4)


def test_padding_of_the_reference_does_not_matter(cache: Path):
    """The same likelihoods from one left-padded batch per label, as lm-eval and others score them."""
    run = make_run(cache)
    tokenizer, model = run.backbone.tokenizer, run.plain_model.eval()
    columns = []
    for word in run.labels.words:
        prompts = tokenizer([f"Text: {text}\nAnswer:" for text in run.texts])["input_ids"]
        whole = tokenizer([f"Text: {text}\nAnswer: {word}" for text in run.texts], padding=True, padding_side="left")
        ids, mask = torch.tensor(whole["input_ids"]), torch.tensor(whole["attention_mask"])
        positions = (mask.cumsum(dim=1) - 1).clamp(min=0)
        with torch.no_grad():
            logits = model(ids, attention_mask=mask, position_ids=positions).logits
        log_p = logits[:, :-1].log_softmax(dim=-1).gather(2, ids[:, 1:, None])[..., 0]
        answer_length = int(mask[0].sum()) - len(prompts[0])
        columns.append(log_p[:, -answer_length:].sum(dim=1))
    expected = torch.stack(columns, dim=1).log_softmax(dim=-1).numpy()
    np.testing.assert_allclose(run.scores(), expected, atol=1e-4)


def test_batch_size_does_not_matter(cache: Path):
    large, small = make_run(cache), make_run(cache, score_batch_tokens=1)
    np.testing.assert_allclose(large.scores(), small.scores(), atol=1e-5)


def test_scores_follow_the_order_of_labels(cache: Path):
    order = [2, 0, 3, 1]
    plain, permuted = make_run(cache), make_run(cache, words=tuple(WORDS[i] for i in order))
    np.testing.assert_allclose(plain.scores()[:, order], permuted.scores(), atol=1e-5)


def test_end_token_is_scored_for_every_label_when_one_begins_another(cache: Path):
    """Without it the longer label could never be likelier than the shorter one."""
    run = make_run(cache, words=("1", "10"))
    audit = run.readers[0].audit
    assert audit is not None
    short, long = audit.answers
    assert long[: len(short)] == short
    without = brute_force(run, end=False)
    assert (without[:, 0] > without[:, 1]).all()
    np.testing.assert_allclose(run.scores(), log_softmax(brute_force(run, end=True)), atol=1e-4)
    assert not np.allclose(run.scores(), log_softmax(without), atol=1e-2)


def test_length_normalisation_divides_by_scored_tokens(cache: Path):
    for words, end in ((WORDS, 0), (NUMBERS, 1)):
        run = make_run(cache, words=words, normalisation="length")
        audit = run.readers[0].audit
        assert audit is not None
        tokens = np.asarray([len(answer) + end for answer in audit.answers])
        expected = log_softmax(brute_force(run, end=bool(end)) / tokens)
        np.testing.assert_allclose(run.scores(), expected, atol=1e-4)


def test_prior_normalisation_subtracts_the_likelihood_without_a_text(cache: Path):
    run = make_run(cache, normalisation="prior")
    table = brute_force(run, end=False)
    run.texts = [""]
    expected = log_softmax(table - brute_force(run, end=False))
    np.testing.assert_allclose(run.scores(), expected, atol=1e-4)


def test_tree_equals_one_branch_per_label(cache: Path):
    """A tree of all labels, and each label as a tree of its own."""
    run = make_run(cache, words=("sport", "sporting", "spotlight", "tech"))
    audit = run.readers[0].audit
    assert audit is not None
    head = run.pack.trials[0].head
    prompts = run.rows.input_ids(np.arange(6))

    def likelihood(trie: LabelTrie) -> torch.Tensor:
        head.trie, head.extra_tokens = trie, len(trie.tokens)  # type: ignore[attr-defined]
        head._divisor = torch.ones(len(trie.steps))  # type: ignore[attr-defined]
        batch = head.batch(prompts)
        with torch.no_grad():
            outputs = run.backbone.trunk(**batch.trunk_inputs(torch.float32))
            return head.scores(outputs, batch)

    together = likelihood(LabelTrie.build(audit.answers))
    alone = torch.cat([likelihood(LabelTrie.build([answer])) for answer in audit.answers], dim=1)
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=0)


def test_labels_of_one_token_add_no_token():
    trie = LabelTrie.build([(5,), (6,), (7,)])
    assert trie.tokens == ()
    assert trie.steps == (((-1, 5),), ((-1, 6),), ((-1, 7),))


def test_tree_reads_shared_beginnings_once_and_no_last_token():
    trie = LabelTrie.build([(1, 2, 3), (1, 2, 4, 5), (6, 7)])
    assert trie.tokens == (1, 2, 4, 6)
    assert trie.parents == (-1, 0, 1, -1)
    assert trie.depths().tolist() == [0, 1, 2, 0]
    assert trie.ancestry().int().tolist() == [[1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0], [0, 0, 0, 1]]
