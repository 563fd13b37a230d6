"""What stored predictions are worth: metrics with intervals, calibration, baselines. Never imports torch."""

from headtohead.evaluation.baselines import majority_predictions as majority_predictions
from headtohead.evaluation.baselines import tfidf_predictions as tfidf_predictions
from headtohead.evaluation.calibration import calibrate as calibrate
from headtohead.evaluation.calibration import fit_temperature as fit_temperature
from headtohead.evaluation.calibration import on_few_rows as on_few_rows
from headtohead.evaluation.details import confusion as confusion
from headtohead.evaluation.difference import paired_differences as paired_differences
from headtohead.evaluation.metrics import HIGHER_IS_BETTER as HIGHER_IS_BETTER
from headtohead.evaluation.metrics import default_metric as default_metric
from headtohead.evaluation.score_predictions import Evaluation as Evaluation
from headtohead.evaluation.score_predictions import evaluate as evaluate
from headtohead.evaluation.score_predictions import point_metrics as point_metrics
from headtohead.evaluation.tfidf import Tfidf as Tfidf
from headtohead.evaluation.tfidf import fit_tfidf as fit_tfidf
from headtohead.evaluation.worst import worst_rows as worst_rows
