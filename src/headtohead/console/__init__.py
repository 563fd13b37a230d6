"""What a terminal shows: progress bars, status lines, narrow tables."""
