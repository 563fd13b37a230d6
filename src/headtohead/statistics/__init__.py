"""Judging arms: what a comparison of trained models may claim. From stored predictions alone; never imports torch."""

from headtohead.statistics.arms import Arm as Arm
from headtohead.statistics.comparison import Comparison as Comparison
from headtohead.statistics.draws import Draw as Draw
from headtohead.statistics.draws import Sampling as Sampling
from headtohead.statistics.estimate import Estimate as Estimate
from headtohead.statistics.estimate import estimates_of as estimates_of
from headtohead.statistics.folds import FoldPlan as FoldPlan
from headtohead.statistics.unit_shares import metrics_of as metrics_of
from headtohead.statistics.verdicts.cheap_levels import Cheap as Cheap
from headtohead.statistics.verdicts.cheap_levels import systems_of as systems_of
from headtohead.statistics.verdicts.failed_seeds import Failures as Failures
from headtohead.statistics.verdicts.failed_seeds import failures_in_words as failures_in_words
from headtohead.statistics.verdicts.failed_seeds import failures_of as failures_of
from headtohead.statistics.verdicts.pareto_front import cheapest as cheapest
from headtohead.statistics.verdicts.pareto_front import pareto as pareto
from headtohead.statistics.verdicts.selection_optimism import Tuning as Tuning
from headtohead.statistics.verdicts.selection_optimism import tuning_of as tuning_of
from headtohead.statistics.verdicts.selection_optimism import value_of as value_of
from headtohead.statistics.verdicts.tuning_budget import Inflation as Inflation
from headtohead.statistics.verdicts.tuning_budget import expected_best as expected_best
from headtohead.statistics.verdicts.tuning_budget import winners_inflation as winners_inflation
from headtohead.statistics.verdicts.verdict import ArmSummary as ArmSummary
from headtohead.statistics.verdicts.verdict import Verdict as Verdict
from headtohead.statistics.verdicts.verdict import judge as judge
