"""What training minimises, and how scores become stored predictions."""

from headtohead.losses.build_loss import build_loss as build_loss
from headtohead.losses.build_loss import check_loss_fits as check_loss_fits
from headtohead.losses.class_weights import class_weights as class_weights
from headtohead.losses.score_losses import ScoreLoss as ScoreLoss
from headtohead.losses.score_losses import stored_scores as stored_scores
