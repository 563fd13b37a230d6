"""submitit's internal API: the batch script before it is submitted, errors of submission, where logs are.

All of it was seen in submitit 1.5.4; without it the import or the call fails with the name that is gone.
"""

from __future__ import annotations

from typing import Any

import submitit
from submitit.core.utils import DelayedSubmission as DelayedSubmission  # what ``checkpoint`` must return
from submitit.core.utils import FailedSubmissionError as FailedSubmissionError  # SLURM refused
from submitit.core.utils import JobPaths as JobPaths  # of a job's standard output and error
from submitit.core.utils import UncompletedJobError as UncompletedJobError  # no answer, or no requeues left


def batch_script(executor: submitit.AutoExecutor, command: str) -> str:
    """Return the batch script a command would be submitted with; nothing is submitted.

    Uses ``_make_submission_file_text`` of the SLURM executor that ``AutoExecutor._executor`` holds.
    """
    slurm: Any = executor._executor
    script: str = slurm._make_submission_file_text(command, "check")
    return script
