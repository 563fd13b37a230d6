"""Arms: tuned alike, confirmed on fresh seeds, judged."""
