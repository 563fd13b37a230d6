"""Scoring labels: ours against one forward per label, and the best label alone against ``generate``.

    python benchmarks/scoring.py [--prompt listed] [--rows 64] [--blocks 5]

The model is SmolLM2-135M as downloaded, in fp32 on both sides; the rows are 20 Newsgroups'. With ``--prompt listed`` the prompt
lists the labels with what they are about before the row's text, as instructions do; with ``examples`` three examples follow
the list, which leaves the row fewer tokens; with ``plain`` all 400 tokens are the row's own. Sides take turns, block by block;
every side reads the same token ids.

Per-label scoring reads each row once for each label (rows of one label padded together, logits of the label's positions
alone); it is so slow that it reads the first ``--few`` rows, and time per row is compared. ``generate`` writes 8 tokens greedily,
32 rows at a time. The gates: our log-probabilities are those of per-label scoring within 1e-4, and the best label is the arg-max
of all our scores for every row.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from loaded import Loaded, composed
from report import finish, spread

ABOUT = {
    "alt": "atheism and arguments about belief",
    "comp": "computers: graphics, windows, hardware",
    "misc": "things for sale",
    "rec": "cars, motorcycles and sport",
    "sci": "science: codes, electronics, medicine, space",
    "soc": "religion and society",
    "talk": "politics and religion in dispute",
}
NEW_TOKENS = 8


class Sides:
    """The rows, ready to be scored either way.

    Args:
        config: of a zero-shot run.
        few: rows that are scored label by label.
    """

    def __init__(self, config: Any, few: int) -> None:
        from headtohead.training.best_label import BestLabel

        loaded = Loaded(config)
        self.model, self.pad_id = loaded.backbone.model, int(loaded.backbone.model.config.pad_token_id)
        self.rows = loaded.rows("test")
        self.prompts = self.rows.input_ids(np.arange(len(self.rows)))
        assert loaded.reader.audit is not None
        self.answers = loaded.reader.audit.answers
        self.few, self.device = few, loaded.processes.device
        self.pack = loaded.pack([loaded.config], None)
        self.best = BestLabel(self.pack)

    def all_labels(self) -> np.ndarray:
        """Score all labels of all rows, ours."""
        from headtohead.training import score

        return score(self.pack, self.rows)[0]

    def best_label(self) -> np.ndarray:
        """Name the best label of all rows, ours."""
        return self.best.of_prompts(self.rows.lengths, self.rows.input_ids)

    @torch.no_grad()
    def per_label(self) -> np.ndarray:
        """Score the first few rows label by label, normalised over the labels."""
        columns = []
        for answer in self.answers:
            whole = [[*prompt, *answer] for prompt in self.prompts[: self.few]]
            ids, mask = left_padded(whole, self.pad_id, self.device)
            positions = (mask.cumsum(dim=1) - 1).clamp(min=0)
            logits = self.model(
                input_ids=ids, attention_mask=mask, position_ids=positions, logits_to_keep=len(answer) + 1
            ).logits[:, :-1]
            wanted = torch.tensor(answer, device=self.device).expand(len(whole), -1)
            columns.append(logits.float().log_softmax(dim=-1).gather(2, wanted[..., None]).sum(dim=(1, 2)))
        return torch.stack(columns, dim=1).log_softmax(dim=-1).cpu().numpy()

    @torch.no_grad()
    def generate(self) -> list[list[int]]:
        """Let the model write its answers."""
        written: list[list[int]] = []
        for start in range(0, len(self.prompts), 32):
            ids, mask = left_padded(self.prompts[start : start + 32], self.pad_id, self.device)
            out = self.model.generate(
                input_ids=ids,
                attention_mask=mask,
                max_new_tokens=NEW_TOKENS,
                min_new_tokens=NEW_TOKENS,
                do_sample=False,
                use_cache=True,
                pad_token_id=self.pad_id,
            )
            written += out[:, ids.shape[1] :].tolist()
        return written


def left_padded(rows: list[list[int]], pad_id: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Return ids and mask of rows padded on the left, as decoders are read in batches."""
    longest = max(map(len, rows))
    ids = torch.tensor([[pad_id] * (longest - len(row)) + row for row in rows], device=device)
    mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows], device=device)
    return ids, mask


def compose_config(options: argparse.Namespace) -> Any:
    """Return the configuration of a zero-shot run."""
    from headtohead.data import load_corpus
    from headtohead.sources import cache_root

    config = composed(
        "model=smollm2_135m",
        "model.precision=fp32",
        "data=newsgroups20",
        f"data.subset={{train:40,validation:40,test:{options.rows}}}",
        "head=generative",
        "lora=frozen",
        "train.steps=0",
        f"prompt.max_tokens={options.max_tokens}",
    )
    config.prompt.template = "Text: {text}\nTopic:"
    if options.prompt != "plain":
        names = load_corpus(config.data, cache_root(None)).labels.words
        listed = "\n".join(f"- {name}: about {ABOUT.get(name.split('.')[0].split(' ')[0], name)}" for name in names)
        examples = "{examples}" if options.prompt == "examples" else ""
        config.prompt.examples = 3 if examples else 0
        config.prompt.template = f"Sort posts into these topics.\n{listed}\n{examples}Text: {{text}}\nTopic:"
    return config


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the seconds some work takes and what it returns."""
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def main() -> None:
    """Measure, and print the table and a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompt", default="listed", choices=("listed", "examples", "plain"))
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--few", type=int, default=2)
    parser.add_argument("--max-tokens", type=int, default=400)
    parser.add_argument("--blocks", type=int, default=5)
    options = parser.parse_args()
    sides = Sides(compose_config(options), options.few)
    rows, shared = len(sides.rows), common(sides.prompts)
    print(
        f"{rows} rows, {len(sides.answers)} labels of {min(map(len, sides.answers))} to {max(map(len, sides.answers))} "
        f"tokens, prompts of {statistics.mean(map(len, sides.prompts)):.0f} tokens on average, the first {shared} of them shared"
    )
    sides.model(input_ids=torch.tensor([sides.prompts[0]], device=sides.device))  # warm up
    sides.best_label()
    ratios: dict[str, list[float]] = {"all labels / per label": [], "best label / generate": []}
    off, differing = 0.0, 0
    for block in range(options.blocks):
        ours, scores = timed(sides.all_labels)
        theirs, expected = timed(sides.per_label)
        alone, best = timed(sides.best_label)
        written, _ = timed(sides.generate)
        ratios["all labels / per label"].append(theirs / sides.few / (ours / rows))
        ratios["best label / generate"].append(written / alone)
        off = max(off, float(np.abs(scores[: sides.few] - expected).max()))
        differing += int((best != scores.argmax(axis=1)).sum())
        print(
            f"block {block}: seconds per row: all labels {ours / rows:.3f}, per label {theirs / sides.few:.3f}; "
            f"best label {alone / rows:.3f}, generate {written / rows:.3f}",
            flush=True,
        )
    for name, own in ratios.items():
        print(f"{name}: {spread(own)}")
    print(f"gate: log-probabilities differ by at most {off:.1e}; {differing} best labels differ")
    finish("scoring", options, off <= 1e-4 and not differing, ratios=ratios, off=off, differing=differing)


def common(prompts: list[list[int]]) -> int:
    """Return how many tokens all prompts begin with."""
    from headtohead.batching.prefix_cache import common_beginning

    return len(common_beginning(prompts))


if __name__ == "__main__":
    main()
