"""Hydra's side: composed configurations made typed, typed commands understood, mistakes in a person's words."""

from headtohead.quiet import quiet_hydra

quiet_hydra()  # before anything here is registered
