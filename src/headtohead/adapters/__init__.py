"""What is trained: stacked low-rank layers over a frozen trunk, the whole trunk, or nothing of it."""

from headtohead.adapters.state import PackState as PackState
from headtohead.adapters.state import keyed_generator as keyed_generator
from headtohead.adapters.state import seed_of as seed_of
from headtohead.adapters.trained import adapter_layers as adapter_layers
from headtohead.adapters.trained import expected_count as expected_count
from headtohead.adapters.trained import forget_outputs as forget_outputs
from headtohead.adapters.trained import output_embeddings as output_embeddings
from headtohead.adapters.trained import prepare as prepare
from headtohead.adapters.trained import recompute_activations as recompute_activations
from headtohead.adapters.trained import remove_adapters as remove_adapters
from headtohead.adapters.weights import TrialWeights as TrialWeights
