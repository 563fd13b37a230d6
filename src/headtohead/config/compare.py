"""Which finished runs are compared, and by what rules."""

from __future__ import annotations

from dataclasses import dataclass, field

from headtohead.errors import UserError, require_choice


@dataclass(kw_only=True, slots=True)
class CompareConfig:
    """``task=compare``: arms of finished runs, and what is asked of them."""

    arms: dict[str, list[str]] = field(default_factory=dict)
    """Name to folders of finished runs, or globs such as outputs/sweep/lora-*."""
    entries: str = "runs"
    """What an entry of an arm's list is: runs (any folders), or tunings (each the confirmed runs of one independent
    tuning; with three or more per arm the verdict speaks of methods)."""
    pairing: str = "none"
    """seeds: differences of runs of the same seed and data.seed are judged, for arms that share the luck of these; none:
    each arm's runs by themselves. Choose before anything was seen: another choice afterwards is another look."""
    split: str = "test"
    """Whose rows decide."""
    metric: str | None = None
    """That decides; null means macro_f1, or mae for scores; kappa is the one that suits the labels."""
    margin: dict[str, float] = field(default_factory=dict)
    """Metric to the largest difference that does not matter; no statement of equivalence without one."""
    alpha: float = 0.05
    """Error rate over all looks."""
    looks: int = 1
    """Looks at the data, this one included; each gets alpha / looks. Runs added after a look make another."""

    def __post_init__(self) -> None:
        require_choice("compare.entries", self.entries, ("runs", "tunings"))
        require_choice("compare.pairing", self.pairing, ("none", "seeds"))
        if not 0 < self.alpha < 0.5:
            raise UserError(f"compare.alpha is an error rate between 0 and 0.5, given {self.alpha}")
        if self.looks < 1:
            raise UserError(f"compare.looks counts this look, so it is 1 or more, given {self.looks}")
        if self.split in ("train", "validation"):
            raise UserError(f"compare.split={self.split}: validation tunes, test reports; name a test split")
        for metric, margin in self.margin.items():
            if margin <= 0:
                raise UserError(f"compare.margin.{metric} must be positive, given {margin}; leave it out for none")
        for arm, folders in self.arms.items():
            if not folders:
                raise UserError(f"compare.arms.{arm} is empty: give folders of finished runs, or globs")

    def require_arms(self) -> None:
        """Refuse to compare fewer than two arms.

        Raises:
            UserError: there are fewer.
        """
        if len(self.arms) < 2:
            raise UserError(
                f"task=compare needs two arms or more, given {list(self.arms)}: "
                "add '+compare.arms={a: [outputs/<folder>], b: [outputs/<glob>]}'"
            )
