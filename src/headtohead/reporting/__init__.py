"""Pages made from records: ``report.html`` of a run and, in ``sweeps``, of a sweep. Views of what is stored; never imports torch.

A run has no use for the page of a sweep, whose statistics take a second to import.
"""

from headtohead.reporting.page import write_report as write_report
