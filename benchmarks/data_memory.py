"""Peak memory of loading discussion threads from JSONL, for 100,000 and 1,000,000 synthetic rows.

    python benchmarks/data_memory.py [rows ...]

Each size is written and loaded by a process of its own, with a cache of its own (everything is removed afterwards).
Resident memory counts pages of memory-mapped files that happen to be loaded and can be dropped at any time, so the
anonymous part, which cannot, is sampled beside it.
"""

from __future__ import annotations

import json
import random
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

SENTENCE = "the of and to in is that it was for on are with as they at be this have from or had by but what some we"
WORDS = SENTENCE.split()
HELD_OUT = 2000


def threads(rows: int) -> Iterator[dict[str, object]]:
    """Yield threads of 2 to 20 turns by 2 to 5 authors, about 1,100 characters each; one in fifty is a repeat."""
    chance = random.Random(0)
    for row in range(rows):
        seeded = random.Random(row - row % 50 if chance.random() < 0.02 else row)
        authors = [f"user{seeded.randrange(10**6)}" for _ in range(seeded.randint(2, 5))]
        turns = [
            {
                "author": seeded.choice(authors),
                "text": f"{seeded.random():.6f} " + " ".join(seeded.choices(WORDS, k=20)),
            }
            for _ in range(seeded.randint(2, 20))
        ]
        yield {"turns": turns, "label": row % 2}


def load(path: Path, cache: Path) -> dict[str, float]:
    """Load a file as ``conf/data/constructive_threads.yaml`` would, and read some training rows."""
    import datasets  # noqa: F401 - libraries are loaded before memory is counted
    import scipy.sparse.csgraph  # noqa: F401

    from headtohead.config.data import DataConfig, FieldsConfig, LabelsConfig, NearDuplicatesConfig, SubsetConfig
    from headtohead.config.source import SourceConfig
    from headtohead.data import load_corpus

    config = DataConfig(
        name="threads",
        source=SourceConfig(kind="path", name=str(path)),
        fields=FieldsConfig(turns="turns"),
        labels=LabelsConfig(names=["0", "1"]),
        subset=SubsetConfig(validation=HELD_OUT, test=HELD_OUT),
        near_duplicates=NearDuplicatesConfig(enabled=False),
    )
    samples = Samples()
    samples.start()
    started = time.perf_counter()
    corpus = load_corpus(config, cache)
    seconds = time.perf_counter() - started
    samples.running = False
    samples.join()
    few = corpus.train.select(range(min(1000, len(corpus.train))))
    return {
        "train_rows": len(corpus.train),
        "seconds": round(seconds, 1),
        "peak_resident_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "anonymous_mib_at_start": round(samples.first),
        "peak_anonymous_mib": round(samples.most),
        "characters_per_row": round(sum(map(len, few["text"])) / len(few)),
    }


class Samples(threading.Thread):
    """The anonymous memory of this process in MiB, read from Linux's /proc every 20 ms."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.running = True
        self.first = self.most = self._now()

    def run(self) -> None:
        """Sample until told to stop."""
        while self.running:
            self.most = max(self.most, self._now())
            time.sleep(0.02)

    @staticmethod
    def _now() -> float:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("RssAnon"))


def measure(rows: int) -> None:
    """Write and load so many rows, and print what it took."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "threads.jsonl"
        with path.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(thread) + "\n" for thread in threads(rows))
        command = [sys.executable, __file__, "--load", str(path), str(Path(folder) / "cache")]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        size = path.stat().st_size / 2**20
        print(f"{rows:>9,} rows, {size:,.0f} MiB of JSONL: {done.stdout.strip()}", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--load"]:
        print(json.dumps(load(Path(sys.argv[2]), Path(sys.argv[3]))))
    else:
        for rows in [int(given) for given in sys.argv[1:]] or [100_000, 1_000_000]:
            measure(rows)
