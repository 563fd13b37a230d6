"""Hydra finds its plugins in this namespace. Every module here is imported at each start, so nothing heavy may be."""
