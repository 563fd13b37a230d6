"""The record of a run: ``result.json`` and ``predictions.parquet``. Pure: no torch, works on any machine."""

from headtohead.results.pooling import join as join
from headtohead.results.pooling import pooled as pooled
from headtohead.results.predictions import Predictions as Predictions
from headtohead.results.predictions import read_predictions as read_predictions
from headtohead.results.predictions import write_predictions as write_predictions
from headtohead.results.record import SCHEMA_VERSION as SCHEMA_VERSION
from headtohead.results.record import RunRecord as RunRecord
from headtohead.results.record import Status as Status
from headtohead.results.record import read_record as read_record
from headtohead.results.record import write_record as write_record
from headtohead.results.winner import winner_of as winner_of
