"""The one training loop, over packs of trials that share a trunk."""

from headtohead.training.checkpoint import load_weights as load_weights
from headtohead.training.checkpoint import save_weights as save_weights
from headtohead.training.checkpoint import stored_labels as stored_labels
from headtohead.training.loop import Hooks as Hooks
from headtohead.training.loop import fit as fit
from headtohead.training.loop import progress_summary as progress_summary
from headtohead.training.loop import require_finished as require_finished
from headtohead.training.loop import resume as resume
from headtohead.training.loop import train_on as train_on
from headtohead.training.objective import ScoreObjective as ScoreObjective
from headtohead.training.objective import TokenObjective as TokenObjective
from headtohead.training.out_of_memory import MemoryLimits as MemoryLimits
from headtohead.training.pack import Pack as Pack
from headtohead.training.processes import Processes as Processes
from headtohead.training.scoring import score as score
from headtohead.training.scoring import score_prompts as score_prompts
from headtohead.training.sharding import shard_trunk as shard_trunk
from headtohead.training.sharding import sharding_asked as sharding_asked
from headtohead.training.trial import Trial as Trial
