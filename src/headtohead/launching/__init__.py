"""Jobs as commands: a job of a sweep is the command a person would type, run somewhere else."""

from headtohead.launching.command import KilledJob as KilledJob
from headtohead.launching.command import LauncherFailed as LauncherFailed
from headtohead.launching.command import job_command as job_command
from headtohead.launching.lost_jobs import forgive as forgive
from headtohead.launching.lost_jobs import note_loss as note_loss
