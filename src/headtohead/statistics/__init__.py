"""Judging arms: what a comparison of trained models may claim. From stored predictions alone; never imports torch."""

from headtohead.statistics.arms import Arm as Arm
from headtohead.statistics.budget import Inflation as Inflation
from headtohead.statistics.budget import expected_best as expected_best
from headtohead.statistics.budget import winners_inflation as winners_inflation
from headtohead.statistics.cheap import Cheap as Cheap
from headtohead.statistics.cheap import systems_of as systems_of
from headtohead.statistics.comparison import Comparison as Comparison
from headtohead.statistics.cost import cheapest as cheapest
from headtohead.statistics.cost import pareto as pareto
from headtohead.statistics.draws import Draw as Draw
from headtohead.statistics.draws import Sampling as Sampling
from headtohead.statistics.estimate import Estimate as Estimate
from headtohead.statistics.estimate import estimates_of as estimates_of
from headtohead.statistics.failures import Failures as Failures
from headtohead.statistics.failures import failures_in_words as failures_in_words
from headtohead.statistics.failures import failures_of as failures_of
from headtohead.statistics.folds import FoldPlan as FoldPlan
from headtohead.statistics.metrics import metrics_of as metrics_of
from headtohead.statistics.tuning import Tuning as Tuning
from headtohead.statistics.tuning import tuning_of as tuning_of
from headtohead.statistics.tuning import value_of as value_of
from headtohead.statistics.verdict import ArmSummary as ArmSummary
from headtohead.statistics.verdict import Verdict as Verdict
from headtohead.statistics.verdict import judge as judge
