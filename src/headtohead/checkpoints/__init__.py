"""Checkpoints on this disk: fetched or made, known by their content, refused where loading them would run code."""

from headtohead.checkpoints.fetching import content_now as content_now
from headtohead.checkpoints.fetching import fetch_model as fetch_model
from headtohead.checkpoints.loading import loading_errors as loading_errors
from headtohead.checkpoints.loading import never_asking as never_asking
