"""Pages made from records: ``report.html`` of a run. Views of what is stored; never imports torch."""

from headtohead.reporting.page import write_report as write_report
