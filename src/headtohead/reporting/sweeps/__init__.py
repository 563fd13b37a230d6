"""``report.html`` of a sweep or of a comparison: verdict, tuning, trials and disagreements, from their stored files."""

from headtohead.reporting.sweeps.sweep_page import write_sweep_report as write_sweep_report
