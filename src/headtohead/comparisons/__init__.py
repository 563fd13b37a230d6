"""Finished runs beside one another: how they differ, how they were tuned, who looked at them before."""
