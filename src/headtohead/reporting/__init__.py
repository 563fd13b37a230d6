"""Pages made from records: ``report.html`` of a run and of a sweep. Views of what is stored; never imports torch."""

from headtohead.reporting.page import write_report as write_report
from headtohead.reporting.sweeps import write_sweep_report as write_sweep_report
