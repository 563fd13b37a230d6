"""Runs trained together over one trunk: who may, in which order, and what a process keeps between them."""
