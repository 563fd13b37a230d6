"""Launchers of headtohead, found by Hydra in this namespace."""
