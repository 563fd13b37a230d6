"""Rows to splits: cut, grouped, without leaks and duplicates."""
