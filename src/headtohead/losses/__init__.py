"""What training minimises, and how scores become stored predictions."""

from headtohead.losses.build import build_loss as build_loss
from headtohead.losses.build import check_loss_fits as check_loss_fits
from headtohead.losses.score_losses import ScoreLoss as ScoreLoss
from headtohead.losses.score_losses import stored_scores as stored_scores
from headtohead.losses.weights import class_weights as class_weights
