"""Columns to inputs and labels: recognised where certain, refused where not."""
