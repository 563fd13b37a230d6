"""What a further trial of a fused sweep costs before its first step, in a process that keeps model and rows.

    python benchmarks/start_up.py [--model minilm_l6] [--trials 6]

Trials are trained one at a time, for one step. Counted for each: composing its configuration, and the time from when its turn
comes until its first step begins (folder, record, place in a new pack). The first trial, which loads everything, is shown apart.
The gate: the median of the further ones is under .3 s.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import sys
import tempfile
import time
from typing import Any

from loaded import ROOT
from report import finish

LIMIT = 0.3


def main() -> None:
    """Measure, and print seconds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="minilm_l6")
    parser.add_argument("--trials", type=int, default=6)
    parser.add_argument("--profile", action="store_true", help="print what the further trials' time goes to")
    options = parser.parse_args()
    from headtohead.fused import worker
    from headtohead.runs.packs import pack_scheduler
    from headtohead.runs.stop_request import StopRequest
    from headtohead.training import Pack

    composing: list[float] = []
    preparing: list[float] = []
    turns: list[float] = []
    read, resume, step = worker.Jobs._read, pack_scheduler.Group._resume, Pack.step

    def timed_read(self: Any, *arguments: Any) -> Any:
        started = time.perf_counter()
        found = read(self, *arguments)
        composing.append(time.perf_counter() - started)
        return found

    def timed_resume(self: Any, asked: Any, *error: Any) -> None:
        if asked not in self._members:
            turns.append(time.perf_counter())
        resume(self, asked, *error)

    def timed_step(self: Any) -> Any:
        preparing.append(time.perf_counter() - turns[-1])
        return step(self)

    worker.Jobs._read, pack_scheduler.Group._resume, Pack.step = timed_read, timed_resume, timed_step  # type: ignore[method-assign]
    with tempfile.TemporaryDirectory() as folder:
        jobs = [
            {
                "overrides": [
                    f"model={options.model}",
                    "data=reuters_r8",
                    "data.subset={train:400,validation:100,test:100}",
                    "lora=r16",
                    "train.steps=1",
                    f"seed={number}",
                    "evaluate.test=false",
                    "evaluate.baselines=false",
                    "evaluate.resamples=100",
                    "export.form=none",
                    "track=off",
                ],
                "folder": f"{folder}/trial_{number}",
            }
            for number in range(options.trials)
        ]
        given, told = io.StringIO("".join(json.dumps(job) + "\n" for job in jobs)), io.StringIO()
        group = pack_scheduler.Group(worker.Jobs(ROOT / "conf", given, told), 1, StopRequest())
        if options.profile:
            import cProfile
            import pstats

            profile = cProfile.Profile()
            profile.runcall(group.train_all)
            pstats.Stats(profile, stream=sys.stdout).sort_stats("cumulative").print_stats(70)
        else:
            group.train_all()
    assert len(preparing) == len(composing) == options.trials, told.getvalue()
    print(f"first trial: composed in {composing[0]:.2f} s, ready after {preparing[0]:.2f} s")
    further = [own + other for own, other in zip(composing[1:], preparing[1:], strict=True)]
    print(
        f"a further trial: {statistics.median(further):.2f} s [{min(further):.2f}, {max(further):.2f}], of which composing "
        f"{statistics.median(composing[1:]):.2f} s"
    )
    finish("start_up", options, statistics.median(further) < LIMIT, composing=composing, preparing=preparing)


if __name__ == "__main__":
    main()
