"""Files to rows: which files are which split, their encoding and compression, one raw row at a time."""
